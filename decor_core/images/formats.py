"""What a file is: claimed by the ending of its name, told by the first bytes of its content."""

import re
from pathlib import PurePosixPath

from decor_core.errors import NotAPicture, PictureError, UnsupportedPicture

HEAD_BYTES = 1024  # enough of a file to tell what it is

# What a name claims by its ending; the content decides.
PICTURE_ENDINGS = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".pjp", ".mpo"), "JPEG"),
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIF"),
    **dict.fromkeys((".png", ".apng"), "PNG"),
    **dict.fromkeys((".bmp", ".dib"), "BMP"),
    **dict.fromkeys((".ppm", ".pgm", ".pbm", ".pnm"), "PPM"),
    ".tga": "TGA",
    ".webp": "WEBP",
    ".gif": "GIF",
    ".avif": "AVIF",
}
KNOWN = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC"

# Files that lie beside pictures and are none, so that nobody need look into them.
_OTHER_ENDINGS = frozenset((
    ".txt", ".csv", ".tsv", ".xls", ".xlsx", ".ods", ".json", ".jsonl", ".geojson", ".xml",
    ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".md", ".rst", ".log", ".tex",
    ".bib", ".html", ".css", ".js", ".ts", ".py", ".pyc", ".ipynb", ".m", ".r", ".c", ".cc",
    ".cpp", ".h", ".java", ".sh", ".bat", ".ps1", ".mat", ".npy", ".npz", ".pkl", ".pickle",
    ".h5", ".hdf5", ".pt", ".pth", ".onnx", ".tflite", ".pb", ".ckpt", ".parquet", ".arrow",
    ".feather", ".tfrecord", ".tfrecords", ".db", ".sqlite", ".lmdb", ".zip", ".tar", ".gz",
    ".tgz", ".bz2", ".xz", ".7z", ".rar", ".doc", ".docx", ".ppt", ".pptx", ".rtf", ".odt",
    ".mp3", ".wav", ".flac", ".ogg", ".m4a", ".exe", ".dll", ".so", ".dmg", ".iso", ".lnk",
    ".url", ".xmp", ".aae", ".thm", ".cache", ".license", ".gitignore", ".gitkeep",
    ".sha256", ".md5",
))  # fmt: skip
# Pictures that cannot be read here, but are to be named rather than passed over.
_UNREAD_ENDINGS = frozenset((
    ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".dng", ".orf", ".rw2",
    ".raf", ".pef", ".srw", ".x3f", ".psd", ".psb", ".svg", ".jxl", ".jp2", ".j2k", ".jpx",
    ".jxr", ".exr", ".hdr", ".ico", ".icns", ".xcf", ".eps", ".pcx", ".dds", ".qoi",
    ".dcm", ".fits", ".emf", ".wmf", ".djvu",
))  # fmt: skip
# Browsers, downloaders and file managers add to endings: .jpg_large, .jpg?15071, .jpg.1, .jpg (2).
_EARLIER_ENDING = re.compile(r"\.[a-z]+(?![a-z0-9])")

EXPORT = "open it in a picture program and export it as JPEG or PNG"
_DEVELOP = "develop it with the camera's program, or any other, and export it as JPEG"
_STILLS = "save frames of it as JPEG or PNG, and bring those"
_RAW = "a raw photograph of a camera"
_VIDEO = "a video"
_IPHONE_PNG = (
    "The picture is a PNG optimized for iPhone apps (CgBI), which is not supported here; convert "
    "it with “pngcrush -revert-iphone-optimizations”, or open it in Preview on a Mac and export it."
)
# At which byte, which bytes, what it is, and the way out.
_UNSUPPORTED = (
    (0, b"8BPS", "a Photoshop document", EXPORT),
    (0, b"gimp xcf", "a GIMP document", EXPORT),
    (0, b"\xff\x0a", "JPEG XL", EXPORT),
    (4, b"JXL \r\n", "JPEG XL", EXPORT),
    (4, b"jP  \r\n", "JPEG 2000", EXPORT),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000", EXPORT),
    (0, b"II\xbc", "JPEG XR", EXPORT),
    (0, b"v/1\x01", "OpenEXR", EXPORT),
    (0, b"#?RADIANCE", "Radiance HDR", EXPORT),
    (0, b"\0\0\1\0", "a Windows icon", EXPORT),
    (0, b"icns", "a macOS icon", EXPORT),
    (0, b"DDS ", "a DDS texture", EXPORT),
    (0, b"qoif", "QOI", EXPORT),
    (0, b"BPG\xfb", "BPG", EXPORT),
    (0, b"AT&TFORM", "a DjVu document", EXPORT),
    (0, b"%!PS", "a PostScript drawing", EXPORT),
    (0, b"SIMPLE  =", "FITS", EXPORT),
    (128, b"DICM", "a DICOM picture", EXPORT),
    (8, b"CR\2", _RAW, _DEVELOP),
    (8, b"crx ", _RAW, _DEVELOP),
    (0, b"IIU\0", _RAW, _DEVELOP),
    (0, b"IIRO", _RAW, _DEVELOP),
    (0, b"IIRS", _RAW, _DEVELOP),
    (0, b"MMOR", _RAW, _DEVELOP),
    (0, b"FUJIFILMCCD-RAW", _RAW, _DEVELOP),
    (0, b"FOVb", _RAW, _DEVELOP),
    (0, b"\0MRM", _RAW, _DEVELOP),
    (6, b"HEAPCCDR", _RAW, _DEVELOP),
)  # fmt: skip
_NO_PICTURES = (
    (0, b"\x1aE\xdf\xa3", _VIDEO, _STILLS),
    (8, b"AVI ", _VIDEO, _STILLS),
    (0, b"\0\0\1\xba", _VIDEO, _STILLS),
    (0, b"FLV\1", _VIDEO, _STILLS),
    (0, b"%PDF", "a PDF document", "save its pages or pictures as JPEG or PNG"),
    (0, b"PK\3\4", "a zip or an Office document", "unpack it, or save its pictures as JPEG or PNG"),
    (0, b"Rar!", "a RAR archive", "unpack it"),
    (0, b"7z\xbc\xaf", "a 7z archive", "unpack it"),
)
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
_SIGNATURES = (b"\xff\xd8", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# TGA has no signature: colors or gray, no palette, a usual depth.
_TGA = re.compile(rb".\0[\2\3\n\v]\0{5}.{8}[\x08\x10\x18\x20][\0-\x3f]", re.DOTALL)
_SHORT_SIGNATURES = re.compile(rb"BM.{0,20}\0|P[1-6][\s#]", re.DOTALL)


def claimed_format(name: str) -> str:
    """The format that a file's name claims, a value of PICTURE_ENDINGS; "" for none."""
    name = PurePosixPath(name).name.lower()
    last = PurePosixPath(name).suffix
    if last in PICTURE_ENDINGS or last in _OTHER_ENDINGS or last in _UNREAD_ENDINGS:
        return PICTURE_ENDINGS.get(last, "")
    inner = [PICTURE_ENDINGS.get(ending, "") for ending in _EARLIER_ENDING.findall(name)]
    return next(filter(None, inner), "")


def has_picture_ending(name: str) -> bool:
    """Whether a file is called like a picture, be it of a kind that cannot be read here."""
    return bool(claimed_format(name)) or PurePosixPath(name).suffix.lower() in _UNREAD_ENDINGS


def is_picture_name(name: str) -> bool:
    """Whether a file of that name may be a picture: all but those known to be something else.

    Where the name claims nothing, ``sniff`` tells by the first bytes.
    """
    return PurePosixPath(name).suffix.lower() not in _OTHER_ENDINGS


def sniff(head: bytes) -> PictureError | None:
    """What a file that begins with ``head`` (HEAD_BYTES are enough) is, if no picture to be read.

    UnsupportedPicture for a picture of a kind that cannot be read here, else NotAPicture; each
    with the way out.
    """
    if head.startswith(b"\x89PNG") and head[12:16] == b"CgBI":
        return UnsupportedPicture(_IPHONE_PNG)
    for what, way_out in _matching(_UNSUPPORTED, head):
        return UnsupportedPicture(f"The file is {what}, which is not supported here; {way_out}.")
    if is_heif(head) or is_avif(head) or head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return None
    if head.startswith(_SIGNATURES) or _SHORT_SIGNATURES.match(head) or is_tga(head):
        return None
    if head[4:8] == b"ftyp":
        return NotAPicture(f"The file is {_VIDEO}, not a picture; {_STILLS}.")
    for what, way_out in _matching(_NO_PICTURES, head):
        return NotAPicture(f"The file is {what}, not a picture; {way_out}.")
    return _text_or_unknown(head)


def _matching(table: tuple[tuple[int, bytes, str, str], ...], head: bytes):
    return ((what, out) for at, magic, what, out in table if head.startswith(magic, at))


def _text_or_unknown(head: bytes) -> PictureError:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        kind = "a web page"
    elif b"<svg" in start:
        return UnsupportedPicture(f"The file is an SVG drawing, not supported here; {EXPORT}.")
    elif b"\0" not in start:
        kind = "a text file"
    else:
        kind = "not a picture of a known format"
    return NotAPicture(f"The file is {kind}; expected a picture: {KNOWN}.")


def _brands(head: bytes) -> set[bytes]:
    """The major and the compatible brands of a file of the ISO family, else none."""
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[8:12], *(head[i : i + 4] for i in range(16, end, 4))}


def is_heif(head: bytes) -> bool:
    """Whether a file is HEIC or another HEIF, and not AVIF, which Pillow itself reads."""
    return bool(_brands(head) & _HEIF_BRANDS) and not is_avif(head)


def is_tga(head: bytes) -> bool:
    """Whether a file may be a TGA, by its header alone."""
    return bool(_TGA.match(head))


def is_avif(head: bytes) -> bool:
    return bool(_brands(head) & _AVIF_BRANDS)


def rare_jpeg(data: bytes) -> str:
    """What is rare about a JPEG, so that a decoder may not know it; "" if nothing is."""
    at = 2
    while data.startswith(b"\xff\xd8") and len(data) > at + 4 and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xF7:
            return "JPEG-LS"
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a frame's header
            if data[at + 4] != 8:
                return f"JPEG of {data[at + 4]} bits"
            return "" if marker in (0xC0, 0xC1, 0xC2) else f"JPEG of process {marker - 0xC0}"
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return ""
