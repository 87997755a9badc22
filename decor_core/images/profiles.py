"""Color profiles, judged by what they do to colors and never by their names; applied by LittleCMS.

What PNG, AVIF and HEIF say of their colors by numbers becomes a profile, too.
"""

import io
import struct
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}  # mode of the picture: that of its profile
_MAX_BYTES = 8 * 2**20  # of a profile: the latest are kept
_SAME = 2  # levels of 255 by which profiles of sRGB by several makers differ

# (x, y) of red, green, blue and white, by their number in ITU-T H.273.
_D65 = (0.3127, 0.3290)
_PRIMARIES = {
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),  # BT.2020
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),  # DCI-P3
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),  # Display P3
}
_SRGB_PRIMARIES = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), _D65)
_PQ, _HLG, _SRGB = "PQ", "HLG", "sRGB"
_CURVES = {16: _PQ, 18: _HLG, 4: 2.2, 5: 2.8, 8: 1.0}  # an exponent, or by name; else sRGB's
_HDR = "It is of high dynamic range; what is brighter than white paper was taken as white."
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_D50 = np.array([0.9642, 1.0, 0.8249])
_USUAL_GAMMA = 1 / 2.2
_PIECE = 2**16  # bytes from the beginning of AVIF and HEIF that hold what is said of colors


def to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture in sRGB, mode RGB, with its profile applied, if there is one that fits.

    The same object where there is nothing to do.
    """
    transform = None
    if profile:
        if picture.mode == "L" and _space(profile) == "RGB":
            picture = picture.convert("RGB")
        transform = _transform(profile, picture.mode)
    converted = transform and ImageCms.applyTransform(picture, transform)
    return converted or (picture if picture.mode == "RGB" else picture.convert("RGB"))


def _space(profile: bytes) -> str:
    return profile[16:20].decode("latin-1").strip()


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From ``profile`` to sRGB; None where it changes nothing, does not fit or is unusable."""
    if _space(profile) != _SPACES.get(mode) or len(profile) > _MAX_BYTES:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        if not transform:
            return None
        colors = _probe(mode)
        changed = ImageCms.applyTransform(colors, transform)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    if mode == "CMYK" or changed is None:
        return transform
    change = np.asarray(changed, np.int16) - np.asarray(colors.convert("RGB"), np.int16)
    return transform if np.abs(change).max() > _SAME else None


def _probe(mode: str) -> Image.Image:
    """Colors all over the space of a mode, to see what a profile does to them."""
    levels = np.linspace(0, 255, 6).astype(np.uint8)
    channels = len(mode) if mode != "L" else 1
    colors = np.stack(np.meshgrid(*[levels] * channels), -1).reshape(1, -1, channels)
    return Image.fromarray(colors[..., 0] if mode == "L" else colors, mode)


def profile_of(picture: Image.Image, data: bytes) -> tuple[bytes | None, str]:
    """The profile of an opened picture, and what had to be assumed for it, or "".

    ``data`` is its file. A profile inside goes before numbers; of PNG the chunk cICP before all.
    """
    profile, assumed = picture.info.get("icc_profile"), ""
    if not isinstance(profile, bytes):  # a damaged tag of a TIFF may be anything
        profile = None
    if picture.format == "PNG":
        if codes := _cicp(data):
            return _coded_profile(*codes)
        if not profile and "srgb" not in picture.info and "gamma" in picture.info:
            profile = _gamma_profile(picture.info["gamma"], picture.info.get("chromaticity"))
    elif picture.format in ("AVIF", "HEIF") and not profile:
        at = data.find(b"colrnclx", 0, _PIECE)
        if 0 <= at <= len(data) - 12:
            return _coded_profile(*struct.unpack_from(">HH", data, at + 8))
    return profile, assumed


def _cicp(data: bytes) -> tuple[int, int] | None:
    """Primaries and transfer in a PNG's chunk cICP, if it has one."""
    at = 8
    while at + 12 <= len(data) and data[at + 4 : at + 8] != b"IDAT":
        if data[at + 4 : at + 8] == b"cICP":
            return data[at + 8], data[at + 9]
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return None


def _coded_profile(primaries: int, transfer: int) -> tuple[bytes | None, str]:
    """The profile of numbers as in H.273; the usual ones are sRGB, as browsers take them."""
    places, curve = _PRIMARIES.get(primaries, _SRGB_PRIMARIES), _CURVES.get(transfer, _SRGB)
    if curve == _SRGB and places is _SRGB_PRIMARIES:
        return None, ""
    return _matrix_profile(places, curve), _HDR if curve in (_PQ, _HLG) else ""


def _gamma_profile(gamma: float, chromaticity: tuple[float, ...] | None) -> bytes | None:
    """The profile of a PNG's chunks gAMA and cHRM; None where they amount to sRGB."""
    if not 0.1 < gamma < 10:
        return None
    places, curve = _SRGB_PRIMARIES, 1 / gamma
    if chromaticity:
        x, y = chromaticity[::2], chromaticity[1::2]
        white, *colors = zip(x, y, strict=True)
        places = (*colors, white)
    if abs(gamma - _USUAL_GAMMA) < 0.01:  # which is how sRGB is written
        if np.allclose(places, _SRGB_PRIMARIES, atol=0.005):
            return None
        curve = _SRGB
    return _matrix_profile(places, curve)


@lru_cache(maxsize=16)
def _matrix_profile(places: tuple[tuple[float, float], ...], curve: str | float) -> bytes | None:
    """An ICC profile of three primaries and white [4] (x, y) and one curve; None for nonsense.

    Colors are adapted to D50 (Bradford).
    """
    xyz = np.array([(x / y, 1, (1 - x - y) / y) if y else (0, 0, 0) for x, y in places]).T
    colors, white = xyz[:, :3], xyz[:, 3]
    if not white.any() or abs(np.linalg.det(colors)) < 1e-3:
        return None
    adapt = np.diag(_BRADFORD @ _D50 / (_BRADFORD @ white))
    adapt = np.linalg.inv(_BRADFORD) @ adapt @ _BRADFORD
    matrix = adapt @ (colors * np.linalg.solve(colors, white))
    table = (_linear(np.linspace(0, 1, 4096), curve).clip(0, 1) * 65535 + 0.5).astype(">u2")
    values = {
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(_D50),
        b"rXYZ": b"XYZ \0\0\0\0" + _fixed(matrix[:, 0]),
        b"gXYZ": b"XYZ \0\0\0\0" + _fixed(matrix[:, 1]),
        b"bXYZ": b"XYZ \0\0\0\0" + _fixed(matrix[:, 2]),
        b"rTRC": b"curv\0\0\0\0" + struct.pack(">I", len(table)) + table.tobytes(),
    }
    head = b"lcms" + b"\2\x10\0\0" + b"mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    head += _fixed(_D50) + bytes(48) + struct.pack(">I", len(values) + 2)
    first, body = 132 + 12 * (len(values) + 2), b""
    for name, value in values.items():
        for tag in (b"rTRC", b"gTRC", b"bTRC") if name == b"rTRC" else (name,):
            head += tag + struct.pack(">II", first + len(body), len(value))
        body += value
    return struct.pack(">I", 4 + len(head) + len(body)) + head + body


def _fixed(numbers: np.ndarray) -> bytes:
    return np.round(np.asarray(numbers) * 65536).astype(">i4").tobytes()


def _linear(levels: np.ndarray, curve: str | float) -> np.ndarray:
    """Light of encoded ``levels``, 1 for white paper, which is 203 cd/m² of PQ and 75 % of HLG."""
    if curve == _PQ:  # SMPTE ST 2084
        root = levels ** (1 / 78.84375)
        light = (root - 0.8359375).clip(0) / (18.8515625 - 18.6875 * root)
        return light ** (1 / 0.1593017578125) * (10_000 / 203)
    if curve == _HLG:  # ITU-R BT.2100
        high = (np.exp((levels - 0.55991073) / 0.17883277) + 0.28466892) / 12
        return np.where(levels <= 0.5, levels**2 / 3, high) / 0.2650
    if curve == _SRGB:
        return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    return levels ** float(curve)
