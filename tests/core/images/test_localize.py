"""Finding the object: on plain grounds, padded, in clutter; and grounds that are white."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from decor_core.errors import BackboneError
from decor_core.features.embedder import EmbeddingSpec, ImageEmbedder
from decor_core.images.localize import SIDE, find_object
from decor_core.images.views import frame_square


def on(ground, side=120, color="navy"):
    """An ornamented disc of 60 pixels, its upper left at (20, 40), on a plain ground."""
    picture = Image.new("RGB", (side, side), ground)
    pen = ImageDraw.Draw(picture)
    pen.ellipse((20, 40, 79, 99), color)
    pen.rectangle((40, 60, 60, 80), "gold")
    return picture


@pytest.mark.parametrize("ground", ["white", "black", "pink", (90, 120, 90)])
def test_a_plain_ground_is_trimmed_and_weighs_nothing(ground):
    found = find_object(on(ground))
    assert np.abs(np.subtract(found.box, (20, 40, 80, 100))).max() <= 3
    assert found.weights.getpixel((0, 0)) == 0
    assert found.weights.getpixel((30, 30)) == 255
    assert (
        np.abs(np.subtract(found.ground, Image.new("RGB", (1, 1), ground).getpixel((0, 0)))).max()
        <= 1
    )


@pytest.mark.parametrize("padding", ["black", "white", "grey"])
def test_padding_and_the_ground_inside_are_both_trimmed(padding):
    padded = Image.new("RGB", (240, 160), padding)
    padded.paste(on("pink"), (100, 10))
    assert np.abs(np.subtract(find_object(padded).box, (120, 50, 180, 110))).max() <= 5


def test_padding_leaves_the_vector_almost_as_it_was():
    embedder = ImageEmbedder(EmbeddingSpec())
    padded = Image.new("RGB", (200, 180))
    padded.paste(on("white"), (30, 40))
    one, two = embedder.embed(on("white")), embedder.embed(padded)
    assert one @ two > 0.98 * np.sqrt((one @ one) * (two @ two))


def test_a_small_object_in_a_large_picture_keeps_its_vector():
    embedder = ImageEmbedder(EmbeddingSpec())
    small = on("white").resize((240, 240))
    large = Image.new("RGB", (512, 512), "white")
    large.paste(small, (200, 70))
    one, two = embedder.embed(small), embedder.embed(large)
    assert one @ two > 0.95 * np.sqrt((one @ one) * (two @ two))


def test_in_clutter_the_colors_of_the_center_count():
    noise = np.random.default_rng(0).integers(60, 200, (120, 120, 3), dtype=np.uint8)
    noise[..., 2] = 40
    picture = Image.fromarray(noise)
    ImageDraw.Draw(picture).ellipse((30, 30, 89, 89), "blue")
    found = find_object(picture)
    left, upper, right, lower = found.box
    weights = np.asarray(found.weights) / 255
    assert weights[60 - upper, 60 - left] > 0.9
    assert weights[0, :5].mean() < 0.5
    assert (right - left) * (lower - upper) < 0.8 * 120**2


@pytest.mark.parametrize("picture", [
    Image.new("RGB", (60, 80), "white"),
    Image.new("RGB", (1, 300), "red"),
    Image.new("RGB", (3, 3), "black"),
    Image.effect_noise((64, 64), 80).convert("RGB"),
], ids=["blank", "line", "speck", "noise"])  # fmt: skip
def test_where_there_is_no_object_all_of_the_picture_is_it(picture):
    found = find_object(picture)
    assert found.weights.getextrema()[1] > 0
    left, upper, right, lower = found.box
    assert found.weights.size == found.seen.size
    assert max(found.seen.size) == min(max(right - left, lower - upper), SIDE)


@pytest.mark.parametrize("share", [1, 0.4], ids=["large", "small"])
def test_in_a_large_picture_the_box_is_in_its_own_pixels(share):
    side = round(512 * share)
    picture = Image.new("RGB", (512, 512), "white")
    picture.paste(on("white", color="red").resize((side, side)), (0, 0))
    found = find_object(picture)
    expected = np.multiply((20, 40, 80, 100), side / 120)
    assert np.abs(np.subtract(found.box, expected)).max() <= 6
    assert max(found.seen.size) == min(found.box[2] - found.box[0], SIDE)
    assert np.asarray(found.weights)[found.weights.height // 2].max() == 255


@pytest.mark.parametrize("ground, white", [
    ("white", True), ((250, 235, 205), True), ((190, 190, 200), True),
    ("black", False), ("gold", False), ((120, 120, 120), False),
])  # fmt: skip
def test_a_light_pale_ground_is_taken_for_white(ground, white):
    found = find_object(on(ground))
    expected = Image.new("RGB", (1, 1), ground).getpixel((0, 0)) if white else None
    assert (found.white is None) if expected is None else found.white == expected


def test_the_white_of_a_margin_counts_where_the_object_fills_its_box():
    picture = Image.new("RGB", (120, 120), (255, 240, 215))
    tile = np.random.default_rng(1).integers(0, 255, (80, 80, 3), dtype=np.uint8)
    picture.paste(Image.fromarray(tile), (20, 20))
    assert find_object(picture).white == (255, 240, 215)


def test_a_warm_light_changes_the_vector_less_than_it_would():
    embedder = ImageEmbedder(EmbeddingSpec())
    picture = on("white")
    warm = Image.fromarray((np.asarray(picture) * [1, 0.92, 0.8]).astype(np.uint8))
    cold = Image.fromarray((np.asarray(on((120, 120, 120))) * [1, 0.92, 0.8]).astype(np.uint8))
    balanced = embedder.embed(picture) @ embedder.embed(warm)
    unbalanced = embedder.embed(on((120, 120, 120))) @ embedder.embed(cold)
    assert balanced > unbalanced


@pytest.mark.parametrize("size", [(90, 60), (640, 480), (300, 900)])
def test_every_place_of_a_frame_counts_alike_and_what_completes_it_does_not(size):
    picture = Image.new("RGB", size, "white")
    picture.paste("navy", (0, 0, size[0] // 2, size[1]))
    square, weights, box = frame_square(picture)
    long, short = max(square.size), round(min(size) * square.width / max(size))
    assert square.size == weights.size and long == min(max(size), 320)
    counts = np.asarray(weights)
    assert set(np.unique(counts)) == {0, 255} and abs((counts > 0).sum() - long * short) <= long
    assert square.getpixel((0, 0)) == pytest.approx((127, 127, 191), abs=2)  # the mean color
    left, upper, right, lower = np.multiply(box, (*size, *size))
    assert (left + right, upper + lower) == pytest.approx(size, abs=1)
    assert right - left == lower - upper == max(size)


def test_a_frame_is_known_by_its_ground_and_an_object_is_not():
    def change(region):
        embedder = ImageEmbedder(EmbeddingSpec(region=region))
        one, other = (embedder.embed(on(ground)) for ground in ("white", "seagreen"))
        return 1 - one @ other / np.linalg.norm(one) / np.linalg.norm(other)

    assert change("frame") > 2 * change("object")


def test_nothing_else_is_read_of_a_picture():
    with pytest.raises(BackboneError, match="object or frame, not “corner”"):
        ImageEmbedder(EmbeddingSpec(region="corner"))
