import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw, ImageOps

from decor_core.errors import PictureError
from decor_core.images.decode import content_hash, load_picture, open_picture
from decor_core.images.foreground import foreground_mask
from decor_core.images.limits import LIMITS, Limits

RED, WHITE = (200, 30, 40), (255, 255, 255)


@pytest.fixture
def corner():
    """Red with a blue upper left quarter: 40 × 24."""
    picture = Image.new("RGB", (40, 24), RED)
    picture.paste((20, 30, 200), (0, 0, 20, 12))
    return picture


def near(pixel, expected, tolerance=12):
    return max(abs(a - b) for a, b in zip(pixel, expected, strict=True)) <= tolerance


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_every_format_is_read(kind, corner, encoded):
    if kind == "HEIF":
        from pillow_heif import register_heif_opener

        register_heif_opener()
    data = encoded(corner, kind, **({"quality": 95} if kind in ("AVIF", "HEIF", "JPEG") else {}))
    picture = load_picture(data)
    assert (picture.mode, picture.size) == ("RGB", (40, 24))
    assert near(picture.getpixel((30, 18)), RED, 25)
    assert near(picture.getpixel((5, 4)), (20, 30, 200), 25)
    assert open_picture(data).format == kind


def test_content_decides_not_the_name(tmp_path, corner, encoded):
    misnamed = tmp_path / "photo.png"
    misnamed.write_bytes(encoded(corner, "JPEG", quality=95))
    assert near(load_picture(misnamed).getpixel((30, 18)), RED)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_becomes_white(mode, encoded):
    picture = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (0, 0, 8, 16))
    kind = "TIFF" if mode == "PA" else "PNG"
    data = encoded(picture.convert(mode) if mode != "PA" else picture, kind)
    loaded = load_picture(data)
    assert loaded.getpixel((12, 8)) == WHITE
    assert loaded.getpixel((2, 8)) == (0, 0, 0)


def test_half_transparent_pixels_are_mixed_with_white(encoded):
    loaded = load_picture(encoded(Image.new("RGBA", (9, 9), (255, 0, 0, 128))))
    assert near(loaded.getpixel((4, 4)), (255, 127, 127), 1)


def test_transparent_palette_entry_becomes_white(encoded):
    picture = Image.new("P", (16, 16), 1)
    picture.putpalette([10, 20, 30, 200, 30, 40])
    picture.paste(0, (0, 0, 8, 16))
    loaded = load_picture(encoded(picture, transparency=0))
    assert loaded.getpixel((2, 2)) == WHITE
    assert loaded.getpixel((12, 2)) == RED


def test_sixteen_bit_gray_is_scaled_not_clipped(encoded):
    ramp = np.linspace(0, 65535, 16).astype(np.uint16)
    loaded = load_picture(encoded(Image.fromarray(np.tile(ramp, (16, 1)))))
    assert np.asarray(loaded)[0, :, 0].tolist() == [17 * i for i in range(16)]


def test_dark_sixteen_bit_gray_stays_dark(encoded):
    loaded = load_picture(encoded(Image.fromarray(np.full((9, 9), 200, np.uint16))))
    assert loaded.getpixel((4, 4)) == (1, 1, 1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.full((9, 9), 0.5, np.float32), 128),
        (np.full((9, 9), 128, np.float32), 128),
        (np.full((9, 9), 32896, np.int32), 128),
        (np.full((9, 9), 2**30, np.int32), 255),
    ],
)
def test_deep_tiff_is_scaled_to_the_customary_white(values, expected, encoded):
    loaded = load_picture(encoded(Image.fromarray(values), "TIFF"))
    assert loaded.getpixel((4, 4)) == (expected,) * 3


@pytest.mark.parametrize("mode", ["1", "L"])
def test_gray_becomes_rgb(mode, encoded):
    assert load_picture(encoded(Image.new(mode, (9, 9), 255))).getpixel((4, 4)) == WHITE


def test_cmyk_is_not_inverted(encoded):
    white = Image.new("CMYK", (16, 16), (0, 0, 0, 0))
    white.paste((0, 255, 255, 0), (0, 0, 8, 16))
    loaded = load_picture(encoded(white, "JPEG", quality=95))
    assert near(loaded.getpixel((12, 8)), WHITE)
    assert near(loaded.getpixel((2, 8)), (255, 0, 0))


@pytest.mark.parametrize(
    ("orientation", "blue_at"),
    [(1, (2, 2)), (2, (37, 2)), (3, (37, 21)), (4, (2, 21)),
     (5, (2, 2)), (6, (21, 2)), (7, (21, 37)), (8, (2, 37))],
)  # fmt: skip
def test_exif_orientation_is_applied(orientation, blue_at, corner, encoded):
    exif = Image.Exif()
    exif[0x0112] = orientation
    loaded = load_picture(encoded(corner, "JPEG", quality=95, exif=exif))
    assert loaded.size == ((40, 24) if orientation < 5 else (24, 40))
    assert near(loaded.getpixel(blue_at), (20, 30, 200), 30)
    assert not loaded.info


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_does_not_refuse_the_picture(corner, encoded):
    loaded = load_picture(encoded(corner, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"))
    assert loaded.size == (40, 24)


def test_color_profile_is_applied(encoded):
    # A profile whose red and blue primaries are exchanged: red in the file is blue to the eye.
    picture = Image.new("RGB", (16, 16), (255, 0, 0))
    loaded = load_picture(encoded(picture, icc_profile=_swapped_profile()))
    assert near(loaded.getpixel((8, 8)), (0, 0, 255), 30)


def _swapped_profile() -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace(b"rXYZ", b"tmpX", 1).replace(b"bXYZ", b"rXYZ", 1)
    profile = profile.replace(b"tmpX", b"bXYZ", 1)
    for name in (b"sRGB", "sRGB".encode("utf-16-be")):
        profile = profile.replace(name, b"x" * len(name))  # sRGB by name is taken at its word
    return profile


@pytest.mark.parametrize("profile", [b"nonsense", b"\0" * 200])
def test_broken_color_profile_is_ignored(profile, corner, encoded):
    assert load_picture(encoded(corner, icc_profile=profile)).getpixel((30, 18)) == RED


def test_first_frame_of_an_animation_counts(encoded):
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "blue")]
    for kind in ("GIF", "WEBP"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert near(load_picture(data).getpixel((8, 8)), (255, 0, 0), 25)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_max_side_scales_large_pictures_down_only(kind, encoded):
    picture = Image.new("RGB", (800, 400), RED)
    assert load_picture(encoded(picture, kind), max_side=100).size == (100, 50)
    assert load_picture(encoded(picture, kind), max_side=2000).size == (800, 400)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello", "text file"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"%PDF-1.7\n\0\0", "PDF"),
        (b"\0\1\2\3" * 50, "not a picture"),
        (b"\x89PNG\r\n\x1a\n\0\0", "damaged"),
        (b"\xff\xd8\xff\xe0", "damaged"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_sentence(data, words):
    with pytest.raises(PictureError, match=words) as caught:
        load_picture(data)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_truncated_pictures_are_refused(kind, encoded):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    data = encoded(noise, kind)
    with pytest.raises(PictureError, match="damaged"):
        load_picture(data[: len(data) // 2])


@pytest.mark.parametrize("ours", [
    "decode.sniff", "decode.profile_of", "decode._frames", "decode._upright", "decode._eight_bit",
    "decode._plain_rgb", "decode._on_white", "decode.to_srgb", "tiff.check_kind",
    "tiff._reason_against", "tiff.gray_levels",
])  # fmt: skip
@pytest.mark.parametrize("bug", [TypeError, AttributeError, IndexError, ValueError])
def test_a_bug_is_not_told_as_a_damaged_picture(ours, bug, encoded, monkeypatch):
    def fails(*_):
        raise bug("a bug")

    gray = Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20))
    clear = Image.new("RGBA", (20, 20), (9, 9, 9, 9))
    monkeypatch.setattr(f"decor_core.images.{ours}", fails)
    with pytest.raises(bug, match="a bug"):
        load_picture(encoded(gray, "TIFF") if ours.startswith("tiff") else encoded(clear, "PNG"))


@pytest.mark.parametrize("pillows", ["open", "Image.load", "Image.convert", "Image.thumbnail"])
def test_too_little_memory_is_not_told_as_damage(pillows, corner, encoded, monkeypatch):
    def fails(*_, **__):
        raise MemoryError

    data = encoded(corner)
    monkeypatch.setattr(f"PIL.Image.{pillows}", fails)
    with pytest.raises(PictureError, match="too little memory") as caught:
        load_picture(data, max_side=10)
    assert "damaged" not in str(caught.value)


@pytest.mark.parametrize("raised", [
    SyntaxError, struct.error, zlib.error, IndexError, KeyError, ZeroDivisionError, OverflowError,
    TypeError, AttributeError, AssertionError, EOFError, RecursionError, ImageCms.PyCMSError,
    Image.DecompressionBombError, UnicodeDecodeError("utf-8", b"", 0, 1, ""),
])  # fmt: skip
@pytest.mark.parametrize("pillows", ["Image.load", "Image.convert"])
def test_whatever_a_decoder_raises_is_damage(pillows, raised, corner, encoded, monkeypatch):
    def fails(*_, **__):
        raise raised

    data = encoded(corner.convert("P"), "GIF")
    monkeypatch.setattr(f"PIL.Image.{pillows}", fails)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", Image.Image.load)
    with pytest.raises(PictureError, match="damaged"):
        load_picture(data)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_may_be_of_any_kind(kind, corner, encoded):
    assert load_picture(kind(encoded(corner))).size == corner.size


def test_missing_file_folder_and_too_large_file_are_refused(tmp_path, corner, encoded):
    with pytest.raises(PictureError, match="missing"):
        load_picture(tmp_path / "none.png")
    with pytest.raises(PictureError, match="a folder"):
        load_picture(tmp_path)
    large = tmp_path / "large.png"
    large.write_bytes(encoded(corner))
    for source in (large, large.read_bytes()):
        with pytest.raises(PictureError, match="bytes"):
            load_picture(source, Limits(max_bytes=50))


def test_too_small_picture_is_refused(encoded):
    with pytest.raises(PictureError, match="40 × 7 pixels"):
        load_picture(encoded(Image.new("RGB", (40, 7))))


def test_pixel_limit_is_checked_before_decoding(monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(PictureError, match="9000 × 9000 pixels"):
        load_picture(_png_bomb(9000))
    with pytest.raises(PictureError, match="at most 32768"):
        load_picture(_png_bomb(16, 1_000_000))


def test_a_bomb_beyond_pillows_own_limit_is_refused_too():
    with pytest.raises(PictureError, match="than the 64 million allowed"):
        load_picture(_png_bomb(60_000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PictureError, match="pixels"):
            load_picture(_png_bomb(10_000))


def test_a_limit_above_pillows_own_is_the_one_that_counts(monkeypatch, corner, encoded):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)  # it refuses twice as many
    more = Limits(max_pixels=200_000_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_picture(encoded(corner), more).size == corner.size
    with pytest.raises(PictureError, match="15000 × 15000 pixels, more than the 200 million"):
        load_picture(_png_bomb(15_000), more)
    with pytest.raises(PictureError, match="than the 200 million allowed"):
        load_picture(_png_bomb(60_000), more)


def test_a_lower_limit_of_pillow_stays_and_is_told(monkeypatch, corner, encoded):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)
    with pytest.raises(PictureError, match="more pixels than the 0.0004 million allowed"):
        load_picture(encoded(corner))
    assert Image.MAX_IMAGE_PIXELS == 400


def test_the_usual_limit_is_below_pillows_own():
    assert LIMITS.max_pixels <= (Image.MAX_IMAGE_PIXELS or 0)


def _png_bomb(side: int, height: int = 0) -> bytes:
    """A PNG of some dozen bytes that claims to be ``side`` pixels square, or ``height`` high."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    header = struct.pack(">IIBBBBB", side, height or side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_hostile_bytes_raise_nothing_but_picture_errors(kind, corner, encoded):
    good, rng, refused = encoded(corner, kind), np.random.default_rng(1), 0
    for _ in range(60):
        data = bytearray(good)
        for place in rng.integers(0, len(data), 6):
            data[place] = rng.integers(0, 256)
        try:
            load_picture(bytes(data), Limits(max_pixels=10**6))
        except PictureError:
            refused += 1
    assert refused or kind == "BMP"  # BMP has hardly anything to break


def test_content_hash_is_sha256():
    assert content_hash(b"abc").startswith("ba7816bf8f01cfea414140de5dae2223")


# The foreground


def drawn(background, size=(120, 100), box=(30, 25, 90, 75)):
    picture = Image.new("RGB", size, background)
    ImageDraw.Draw(picture).ellipse(box, fill="darkred")
    return picture


@pytest.mark.parametrize("background", ["white", "black", (190, 195, 200)])
def test_object_on_a_plain_background_is_found(background):
    mask = foreground_mask(drawn(background))
    assert mask.shape == (100, 120) and mask.dtype == bool
    truth = np.asarray(drawn("white").convert("L")) < 128
    assert (mask == truth).mean() > 0.97


def test_noise_and_soft_shadow_belong_to_the_background(encoded):
    picture = drawn("white")
    ImageDraw.Draw(picture).ellipse((20, 70, 100, 85), fill=(242, 242, 242))
    picture.paste("darkred", (40, 30, 80, 70))
    mask = foreground_mask(load_picture(encoded(picture, "JPEG", quality=50)))
    assert mask[50, 60] and not mask[80, 25:95].any() and not mask[:15].any()


def test_a_hole_of_the_background_color_inside_stays_foreground():
    picture = drawn("white")
    picture.paste("white", (50, 45, 70, 55))
    assert foreground_mask(picture)[50, 60]


@pytest.mark.parametrize("padding", ["white", "black"])
@pytest.mark.parametrize("background", ["white", (120, 160, 140)])
def test_padding_around_a_photo_with_its_own_background_is_taken_off_too(padding, background):
    padded = ImageOps.expand(drawn(background), (30, 10), padding)
    mask = foreground_mask(padded)
    truth = np.asarray(ImageOps.expand(drawn("white"), (30, 10), "white").convert("L")) < 128
    assert (mask == truth).mean() > 0.96


def test_clutter_and_empty_pictures_are_all_foreground():
    noise = np.random.default_rng(0).integers(0, 256, (80, 60, 3), np.uint8)
    assert foreground_mask(Image.fromarray(noise)).all()
    assert foreground_mask(Image.new("RGB", (60, 80), "white")).all()
    speck = Image.new("RGB", (100, 100), "white")
    speck.paste("black", (50, 50, 55, 55))
    assert foreground_mask(speck).all()


@pytest.mark.parametrize("size", [(8, 8), (9, 400), (2000, 8)])
def test_odd_sizes_have_a_mask_of_their_size(size):
    assert foreground_mask(Image.new("RGB", size, "red")).shape == size[::-1]


@pytest.mark.parametrize("source", [None, 7, np.zeros((9, 9, 3), np.uint8), Image.new("L", (9, 9))])
def test_what_is_neither_a_path_nor_bytes_is_said(source):
    with pytest.raises(PictureError, match="Expected a path, or the bytes of a picture, but got"):
        load_picture(source)
