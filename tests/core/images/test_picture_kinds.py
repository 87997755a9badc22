"""What a picture is: profiles, kinds of TIFF, alpha, pages, endings, and what cannot be read."""

import struct
import zlib

import numpy as np
import pytest
from odd_pictures import IPHONE_PNG, bmp_with_empty_alpha, curve, deep, icc, rgb_profile, tiff
from PIL import Image, ImageCms

from decor_core.data.catalog import open_dataset
from decor_core.errors import DataError, NotAPicture, PictureError, UnsupportedPicture
from decor_core.images.decode import load_picture, open_picture
from decor_core.images.formats import claimed_format, has_picture_ending, is_picture_name

RED = (200, 30, 40)


def near(pixel, expected, tolerance=2):
    return max(abs(a - b) for a, b in zip(pixel, expected, strict=True)) <= tolerance


def middle(data):
    picture = load_picture(data)
    return picture.getpixel((picture.width // 2, picture.height // 2))


# Color profiles


@pytest.mark.parametrize(
    "name", ["Display P3", "DCI-P3 D65 Gamut with sRGB Transfer", "sRGB EOTF with DCI-P3 Color"]
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_profile_is_judged_by_its_primaries_not_its_name(name, kind, encoded):
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    data = encoded(Image.new("RGB", (16, 16), (200, 60, 40)), kind,
                   icc_profile=rgb_profile(name), **options)  # fmt: skip
    assert near(middle(data), (217, 42, 23), 3)


@pytest.mark.parametrize("name", ["c2", "IEC 61966-2.1 Default RGB", "Display P3"])
def test_a_profile_of_srgb_changes_nothing_whatever_its_name(name, encoded):
    srgb = {"rXYZ": (0.43607, 0.22249, 0.01392), "gXYZ": (0.38515, 0.71687, 0.09708),
            "bXYZ": (0.14307, 0.06061, 0.7141)}  # fmt: skip
    values = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    data = encoded(Image.fromarray(values), icc_profile=rgb_profile(name, srgb))
    assert np.array_equal(np.asarray(load_picture(data)), values)


@pytest.mark.parametrize(("gamma", "expected"), [(1.0, 168), (1.8, 119), (2.2, 100)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("mode", ["L", "LA"])
def test_gray_profiles_are_applied(gamma, expected, kind, mode, encoded):
    if (kind, mode) == ("JPEG", "LA"):
        pytest.skip("JPEG has no alpha")
    gray = Image.new("L", (16, 16), 100).convert(mode)
    data = encoded(gray, kind, icc_profile=icc(b"GRAY", "Gray", {"kTRC": curve(gamma)}))
    assert near(middle(data), (expected,) * 3)


def test_a_gray_picture_may_have_a_profile_of_colors(encoded):
    gray = Image.new("L", (16, 16), 100)
    linear = rgb_profile("x").replace(b"curv", b"none")  # unusable, so it is left out
    assert middle(encoded(gray, icc_profile=linear)) == (100, 100, 100)
    assert near(middle(encoded(gray, icc_profile=rgb_profile("P3"))), (100, 100, 100))


def test_cmyk_without_and_with_a_profile_of_another_space(encoded):
    picture = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    for profile in (None, rgb_profile("P3")):
        data = encoded(picture, "TIFF", **({"icc_profile": profile} if profile else {}))
        assert near(middle(data), (255, 0, 0), 12)


def png_with(picture, encoded, **chunks):
    """The PNG with chunks before its pixels."""
    data, extra = encoded(picture), b""
    for name, body in chunks.items():
        name = name.encode()
        extra += struct.pack(">I", len(body)) + name + body
        extra += struct.pack(">I", zlib.crc32(name + body))
    return data[:33] + extra + data[33:]


def test_what_png_says_of_its_colors_by_numbers(encoded):
    color, gray = Image.new("RGB", (16, 16), (200, 60, 40)), Image.new("L", (16, 16), 100)
    gamma = lambda share: struct.pack(">I", round(100_000 * share))  # noqa: E731
    places = [0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06]
    p3 = struct.pack(">8I", *(round(100_000 * place) for place in places))
    assert middle(png_with(gray, encoded, gAMA=gamma(0.45455))) == (100, 100, 100)
    assert near(middle(png_with(gray, encoded, gAMA=gamma(1))), (168, 168, 168))
    assert near(middle(png_with(color, encoded, gAMA=gamma(0.45455), cHRM=p3)), (217, 42, 22), 4)
    assert near(middle(png_with(color, encoded, cICP=bytes((12, 13, 0, 1)))), (217, 42, 23))
    assert middle(png_with(color, encoded, cICP=bytes((1, 13, 0, 1)))) == (200, 60, 40)
    assert middle(png_with(gray, encoded, sRGB=b"\0", gAMA=gamma(1))) == (100, 100, 100)
    assert middle(png_with(color, encoded, gAMA=gamma(0.5), cHRM=bytes(32))) == (200, 60, 40)


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_what_avif_and_heif_say_of_their_colors_by_numbers(kind, encoded):
    from pillow_heif import register_heif_opener

    register_heif_opener()
    picture = Image.new("RGB", (64, 64), (200, 60, 40))
    data = encoded(picture, kind, quality=95)
    at = data.index(b"colrnclx") + 8
    assert near(middle(data), (200, 60, 40), 5)
    p3 = data[:at] + struct.pack(">HH", 12, 13) + data[at + 4 :]
    assert near(middle(p3), (217, 42, 23), 6)
    hdr = open_picture(data[:at] + struct.pack(">HH", 9, 16) + data[at + 4 :])
    assert "high dynamic range" in hdr.assumed[0]


# TIFF


Y, X = np.mgrid[0:24, 0:40]
RAMP = (X + Y) / (X + Y).max()
COLORS = np.stack([X / X.max(), Y / Y.max(), (X // 8 + Y // 8) % 2 * 0.8], 2)


def levels(data):
    return np.asarray(load_picture(data)).astype(int)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize(
    ("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1), (np.float32, 1000),
                         (np.uint16, 4095), (np.int16, 32767), (np.int32, 2**31 - 1)]
)  # fmt: skip
def test_deep_gray_is_right_or_refused(order, compression, dtype, white, encoded):
    values = RAMP * white if dtype == np.float32 else np.round(RAMP * white)
    data = tiff(values.astype(dtype), compression=compression, order=order)
    try:
        assert np.abs(levels(data) - 255 * RAMP[..., None]).max() <= 1
    except UnsupportedPicture:
        assert compression == 8 and order == ">" and np.dtype(dtype).kind != "u"


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1)])
def test_gray_in_which_zero_is_white(dtype, white):
    data = tiff((RAMP * white).astype(dtype), photometric=0)
    assert np.abs(levels(data) - 255 * (1 - RAMP[..., None])).max() <= 1


@pytest.mark.parametrize("tag", ["t281", "t341"])
def test_the_tags_tell_the_range(tag):
    data = tiff(deep(RAMP * 0.5, np.uint16, 1023), **{tag: 1023})
    assert np.abs(levels(data) - 127.5 * RAMP[..., None]).max() <= 1
    assert open_picture(data).assumed == ()


@pytest.mark.parametrize(
    ("values", "words"),
    [(deep(RAMP, np.uint16, 4095), "4095 was taken"), (1000 * RAMP, "1000 was taken"),
     (2 * RAMP - 1, "-1 for black"), (255 * RAMP, "255 was taken")],
)  # fmt: skip
def test_a_range_that_nothing_tells_is_taken_from_the_data_and_said(values, words):
    values = values if values.dtype == np.uint16 else values.astype(np.float32)
    assert words in open_picture(tiff(values)).assumed[0]
    assert np.abs(levels(tiff(values)) - 255 * RAMP[..., None]).max() <= 1


@pytest.mark.parametrize("tag", [258, 259, 262, 277, 339, 281])
@pytest.mark.parametrize("type_", [1, 2, 7, 11])
def test_a_tag_of_an_odd_type_is_damage(tag, type_):
    data = tiff(deep(RAMP, np.uint16, 4095), t281=4095)
    data = data.replace(struct.pack("<HH", tag, 4), struct.pack("<HH", tag, type_), 1)
    if (tag, type_) == (281, 11):  # which may be any number
        assert levels(data).shape == (*RAMP.shape, 3)
    else:
        with pytest.raises(PictureError, match="header is damaged"):
            load_picture(data)


def test_a_range_that_ends_at_zero_is_not_believed():
    data = tiff((RAMP * -10).astype(np.int16), t280=2**32 - 5, t281=0)
    for tag in (280, 281):  # to signed numbers
        data = data.replace(struct.pack("<HH", tag, 4), struct.pack("<HH", tag, 9), 1)
    assert "-10 for black" in open_picture(data).assumed[0]


def test_what_is_no_number_is_black():
    values = RAMP.astype(np.float32)
    values[0, :4] = np.nan, np.inf, -np.inf, 0
    assert levels(tiff(values))[0, :4].max() == 0 and levels(tiff(values)).max() == 255


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int16, np.float32])
@pytest.mark.parametrize("channels", [3, 4, 5])
def test_colors_of_any_depth_are_right_or_refused(planar, compression, order, dtype, channels):
    white = np.iinfo(dtype).max if np.dtype(dtype).kind in "ui" else 1
    values = np.concatenate([COLORS, np.ones((24, 40, channels - 3))], 2) * white
    data = tiff(values.astype(dtype), 2, planar, compression, order)
    try:
        assert np.abs(levels(data) - 255 * COLORS).max() <= 2
    except UnsupportedPicture as error:
        assert dtype is not np.uint8 or channels == 5
        assert "not supported here (" in str(error) and "damaged" not in str(error)
        assert "save it as 8-bit RGB TIFF, PNG or JPEG" in str(error)


@pytest.mark.parametrize(
    "data",
    [
        tiff(deep(COLORS, np.uint16, 65535), 2, planar=True),
        tiff(deep(COLORS, np.uint16, 4095), 2, t281=[4095] * 3),
        tiff(deep(COLORS, np.uint16, 4095), 2),
        tiff(COLORS.astype(np.float32), 2),
        tiff(np.stack([deep(RAMP, np.uint16, 65535)] * 5, 2)),
        tiff(deep(RAMP, np.int8, 127)),
        tiff(RAMP.astype(np.float64)),
        tiff(deep(RAMP, np.uint8, 255), compression=34712),
        tiff(deep(RAMP, np.uint8, 255), compression=50002),
        tiff(deep(COLORS, np.uint8, 255), 6, t530=[2, 2]),
        tiff(deep(COLORS, np.uint8, 255), 9),
        tiff(deep(RAMP, np.uint16, 65535), 32803),
    ],
)
def test_kinds_of_tiff_that_would_be_shown_wrong_are_refused_and_not_called_damaged(data):
    with pytest.raises(UnsupportedPicture, match="kind of TIFF is not supported here"):
        load_picture(data)


def test_the_preview_in_a_raw_photograph_is_not_taken_for_it():
    preview = tiff(deep(COLORS, np.uint8, 255), 2, t254=1, t330=8, t50706=[1, 4, 0, 0])
    with pytest.raises(UnsupportedPicture, match="raw photograph"):
        load_picture(preview)


@pytest.mark.parametrize("mode", ["1", "P", "LAB", "CMYK", "YCbCr"])
def test_other_kinds_of_tiff_are_right(mode, encoded):
    picture = Image.new("RGB", (16, 16), (180, 60, 90))
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        picture = ImageCms.profileToProfile(picture, srgb, lab, outputMode="LAB")
    else:
        picture = picture.convert(mode, palette=Image.Palette.ADAPTIVE)
    expected = {"1": None}.get(mode, (180, 60, 90))
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate"):
        found = middle(encoded(picture, "TIFF", compression=compression))
        assert near(found, expected, 4) if expected else found in ((0,) * 3, (255,) * 3)


def test_sixteen_bits_in_png(encoded):
    def png(values, kind):
        height, width = values.shape[:2]
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
        chunks = b""
        for name, body in ((b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)),
                           (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):  # fmt: skip
            crc = struct.pack(">I", zlib.crc32(name + body))
            chunks += struct.pack(">I", len(body)) + name + body + crc
        return b"\x89PNG\r\n\x1a\n" + chunks

    full = np.full((24, 40, 1), 65535)
    gray, colors = RAMP[..., None] * 65535, COLORS * 65535
    for values, kind in ((gray, 0), (np.concatenate([gray, full], 2), 4)):
        assert np.abs(levels(png(values, kind)) - 255 * RAMP[..., None]).max() <= 1
    for values, kind in ((colors, 2), (np.concatenate([colors, full], 2), 6)):
        assert np.abs(levels(png(values, kind)) - 255 * COLORS).max() <= 1


# Alpha


@pytest.mark.parametrize("kind", ["BMP", "PNG", "WEBP", "TIFF", "AVIF", "TGA"])
def test_an_alpha_that_is_nothing_is_ignored(kind, ornament, encoded):
    picture = ornament(1)
    if kind == "BMP":
        data = bmp_with_empty_alpha(picture)
    else:
        clear = picture.convert("RGBA")
        clear.putalpha(0)
        options = {"WEBP": {"lossless": True, "exact": True}, "AVIF": {"quality": 100}}
        data = encoded(clear, kind, **options.get(kind, {}))
    shown = np.asarray(load_picture(data)).astype(int)
    assert np.abs(shown - np.asarray(picture)).mean() < 4
    gray = picture.convert("L").convert("LA")
    gray.putalpha(0)
    assert np.array_equal(np.asarray(load_picture(encoded(gray)))[..., 0], picture.convert("L"))


def test_a_picture_of_nothing_is_white_and_a_hole_stays_a_hole(ornament, encoded):
    assert middle(encoded(Image.new("RGBA", (16, 16), (0, 0, 0, 0)))) == (255, 255, 255)
    holed = ornament(1).convert("RGBA")
    holed.paste((0, 0, 0, 0), (0, 0, 40, 40))
    assert middle(encoded(holed)) == (255, 255, 255)


# Pages and frames


def test_pages_are_counted_without_smaller_copies_of_them(ornament, encoded):
    pages = [ornament(i) for i in range(5)]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert open_picture(data).pages == 5 and open_picture(encoded(pages[0], "TIFF")).pages == 1
    pages[1].encoderinfo = {"tiffinfo": {254: 1}}  # a reduced copy of the first
    with_copy = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:3])
    assert open_picture(with_copy).pages == 2


def test_a_circle_of_pages_ends():
    data = bytearray(tiff(deep(RAMP, np.uint8, 255)))
    at = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, at)[0]
    struct.pack_into("<I", data, at + 2 + 12 * entries, at)
    assert open_picture(bytes(data)).pages == 1
    struct.pack_into("<I", data, at + 2 + 12 * entries, len(data) - 1)  # and a torn one is none
    assert open_picture(bytes(data)).pages == 1


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_frames_are_counted(kind, ornament, encoded):
    frames = [ornament(i) for i in range(4)]
    opened = open_picture(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert (opened.frames, opened.pages) == (4, 1)


def test_a_phones_further_views_are_no_frames(ornament, encoded):
    views = [ornament(i) for i in range(2)]
    opened = open_picture(encoded(views[0], "MPO", save_all=True, append_images=views[1:]))
    assert (opened.format, opened.frames, opened.pages) == ("JPEG", 1, 1)


def test_pages_left_out_are_a_finding(tmp_path, ornament, encoded):
    for i in range(12):
        pages = [ornament(10 * i + j) for j in range(5)]
        folder = tmp_path / ("ash", "oak", "elm")[i % 3]
        folder.mkdir(exist_ok=True)
        data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
        (folder / f"sheet{i}.tif").write_bytes(data)
    catalog = open_dataset(tmp_path)
    assert len(catalog.table) == 12 and len(catalog.report.of("pages")) == 12
    assert any("48 pages left out" in f.message for f in catalog.report.of("assumed"))


# Names and contents


@pytest.mark.parametrize(
    ("name", "claims"),
    [("a.jpg", "JPEG"), ("a.JPG_", "JPEG"), ("a.jpg_large", "JPEG"), ("a.jpg.1", "JPEG"),
     ("a.jpg?1507122477", "JPEG"), ("a.jpg (2)", "JPEG"), ("a.jpeg~", "JPEG"), ("a.HIF", "HEIF"),
     ("a.jfif", "JPEG"), ("a.jpe", "JPEG"), ("a.dib", "BMP"), ("a.png!web", "PNG"),
     ("a.jpg:large", "JPEG"), ("a.webp%3Fw=3", "WEBP"), ("a", ""), ("a.b", ""), ("my.jpgs", "")],
)  # fmt: skip
def test_what_a_name_claims(name, claims):
    assert claimed_format(f"some.png/{name}") == claims
    assert has_picture_ending(name) == bool(claims) and is_picture_name(name)


@pytest.mark.parametrize("name", ["a.txt", "a.jpg.json", "a.jpg.txt", "a.png.xmp", "a.csv", "a.py"])
def test_what_lies_beside_pictures_is_none(name):
    assert not has_picture_ending(name) and not is_picture_name(name)


def test_contents_decide_where_endings_lie_or_say_nothing(tmp_path, ornament, encoded):
    from pillow_heif import register_heif_opener

    register_heif_opener()
    names = {"1.HIF": "HEIF", "2.jpg_large": "JPEG", "3.JPG.1": "JPEG", "4": "PNG", "5.dat": "PNG",
             "6.jfif": "JPEG", "7.webp": "JPEG", "8.jpg?15071": "JPEG", "9.dib": "BMP",
             "10.pgm": "PPM", "11.JPG_": "JPEG", "face.001": "PNG", "12.tga": "TGA"}  # fmt: skip
    for place, folder in enumerate(("ash", "oak")):
        (tmp_path / folder).mkdir()
        for i, (name, kind) in enumerate(names.items()):
            data = encoded(ornament(100 * place + i), kind)
            (tmp_path / folder / name).write_bytes(data)
        (tmp_path / folder / "data.bin").write_bytes(b"\1\2\3\0" * 99)
        (tmp_path / folder / "README").write_text("What it is")
        (tmp_path / folder / "page.jpg").write_text("<html>Access denied</html>")
        (tmp_path / folder / "film.mov").write_bytes(b"\0\0\0\x14ftypqt  \0\0\2\0qt  " + bytes(99))
    report = open_dataset(tmp_path).report
    assert report.counts == {"ash": len(names), "oak": len(names)}
    assert {f.file for f in report.of("misnamed")} == {"ash/7.webp", "oak/7.webp"}
    ignored = {f.file: f.message for f in report.of("ignored") if f.file.startswith("ash")}
    assert set(ignored) == {"ash/data.bin", "ash/README", "ash/film.mov"}
    assert "video" in ignored["ash/film.mov"] and "text" in ignored["ash/README"]
    assert [f.file for f in report.of("unreadable")] == ["ash/page.jpg", "oak/page.jpg"]


@pytest.mark.parametrize(
    ("start", "words"),
    [(IPHONE_PNG, "iPhone.*pngcrush"), (b"8BPS\0\1" + bytes(30), "Photoshop.*export"),
     (b"\xff\x0a\xfa\x1f" + bytes(30), "JPEG XL"),
     (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(30), "JPEG XL"),
     (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(30), "JPEG 2000"),
     (b"II*\0\x10\0\0\0CR\2\0" + bytes(30), "raw.*develop"),
     (b"\0\0\0\x18ftypcrx \0\0\0\1" + bytes(30), "raw.*develop"),
     (b"FUJIFILMCCD-RAW 0201", "raw.*develop"), (b"\0\0\1\0\1\0" + bytes(30), "icon"),
     (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG.*export")],
)  # fmt: skip
def test_pictures_that_are_not_supported_are_named_with_the_way_out(start, words):
    with pytest.raises(UnsupportedPicture, match=words) as caught:
        load_picture(start)
    assert "damaged" not in str(caught.value)


def test_a_rare_jpeg_is_not_called_damaged(ornament, encoded):
    data = encoded(ornament(1), "JPEG")
    at = data.index(b"\xff\xc0")
    twelve = data[: at + 4] + b"\x0c" + data[at + 5 :]
    with pytest.raises(UnsupportedPicture, match="JPEG of 12 bits"):
        load_picture(twelve)
    with pytest.raises(UnsupportedPicture, match="JPEG-LS"):
        load_picture(data[:at] + b"\xff\xf7" + data[at + 2 :])


@pytest.mark.parametrize(
    ("start", "words"),
    [(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(30), "video.*frames"),
     (b"%PDF-1.7\n\0", "PDF.*save its pages"), (b"\x1aE\xdf\xa3" + bytes(30), "video"),
     (b"PK\3\4" + bytes(30), "unpack"), (b"hello", "text file"), (b"\0\1" * 30, "not a picture")],
)  # fmt: skip
def test_files_that_are_no_pictures_are_named(start, words):
    with pytest.raises(NotAPicture, match=words):
        load_picture(start)


def test_whole_classes_of_a_kind_that_cannot_be_read_are_named(tmp_path):
    for folder in ("ash", "oak"):
        (tmp_path / folder).mkdir()
        for i in range(3):
            (tmp_path / folder / f"{i}.cr2").write_bytes(b"II*\0\x10\0\0\0CR\2\0" + bytes([i] * 30))
    with pytest.raises(DataError, match="raw photograph"):
        open_dataset(tmp_path)
