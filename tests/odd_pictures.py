"""Files of odd pictures that tests make byte by byte, as no library here writes them."""

import struct
import zlib

import numpy as np

IPHONE_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\4CgBIP\0 \6+\xd5\xb3\x7f" + bytes(50)


# Colorants of Display P3, adapted to D50, as its profiles hold them.
P3 = {"rXYZ": (0.51512, 0.2412, -0.00105), "gXYZ": (0.29198, 0.69225, 0.04189),
      "bXYZ": (0.1571, 0.06657, 0.78407)}  # fmt: skip


def fixed(*numbers):
    return struct.pack(f">{len(numbers)}i", *(round(65536 * n) for n in numbers))


def icc(space, name, tags):
    """An ICC profile of a display, called ``name``."""
    tags = {"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name.encode() + bytes(79),
            "wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249), **tags}  # fmt: skip
    at, index, body = 132 + 12 * len(tags), b"", b""
    for tag, value in tags.items():
        index += tag.encode() + struct.pack(">II", at + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = bytes(4) + b"\2\x10\0\0mntr" + space + b"XYZ " + bytes(12) + b"acsp" + bytes(28)
    head += fixed(0.9642, 1, 0.8249) + bytes(48) + struct.pack(">I", len(tags))
    whole = bytes(4) + head + index + body
    return struct.pack(">I", len(whole)) + whole[4:]


def curve(gamma):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(256 * gamma))


def rgb_profile(name, colorants=P3):
    levels = np.linspace(0, 1, 1024)
    light = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    table = (light * 65535 + 0.5).astype(">u2").tobytes()
    tags = {tag: b"XYZ \0\0\0\0" + fixed(*xyz) for tag, xyz in colorants.items()}
    tags |= dict.fromkeys(("rTRC", "gTRC", "bTRC"),
                          b"curv\0\0\0\0" + struct.pack(">I", 1024) + table)  # fmt: skip
    return icc(b"RGB ", name, tags)


def tiff(pixels, photometric=1, planar=False, compression=1, order="<", **tags):
    """A TIFF of an array [height, width] or [height, width, channels], strips of 7 rows."""
    pixels = pixels.astype(pixels.dtype.newbyteorder(order))
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    planes = np.moveaxis(pixels.reshape(*pixels.shape[:2], channels), 2, 0)
    planes = planes if planar else [pixels]
    strips = [plane[row : row + 7].tobytes() for plane in planes for row in range(0, len(plane), 7)]
    if compression == 8:
        strips = [zlib.compress(strip) for strip in strips]
    offsets = [8 + sum(map(len, strips[:i])) for i in range(len(strips))]
    height, width = pixels.shape[:2]
    kind = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    entries = {256: width, 257: height, 258: [8 * pixels.itemsize] * channels, 259: compression,
               262: photometric, 273: offsets, 277: channels, 278: 7, 279: list(map(len, strips)),
               284: 2 if planar else 1, 339: [kind] * channels}  # fmt: skip
    entries |= {int(tag[1:]): value for tag, value in tags.items()}
    first = 8 + sum(map(len, strips))
    at, index, extra = first + 6 + 12 * len(entries), b"", b""
    for tag, value in sorted(entries.items()):
        values = value if isinstance(value, list) else [value]
        packed = struct.pack(f"{order}{len(values)}I", *values)
        index += struct.pack(f"{order}HHI", tag, 4, len(values))
        if len(packed) > 4:
            index += struct.pack(f"{order}I", at + len(extra))
            extra += packed
        else:
            index += packed
    magic = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", first)
    whole = magic + b"".join(strips) + struct.pack(f"{order}H", len(entries)) + index + bytes(4)
    return whole + extra


def deep(values, dtype, white):
    return np.round(values * white).astype(dtype)


def bmp_with_empty_alpha(picture):
    """A BMP of 32 bits with a header that speaks of alpha (version 4), and alpha 0."""
    pixels = np.dstack([np.asarray(picture)[::-1, :, ::-1], np.zeros(picture.size[::-1], np.uint8)])
    body = pixels.tobytes()
    header = struct.pack("<IiiHHIIiiII", 108, *picture.size, 1, 32, 3, len(body), 2835, 2835, 0, 0)
    header += struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + bytes(48)
    return b"BM" + struct.pack("<IHHI", 122 + len(body), 0, 0, 122) + header + body
