"""A model exported as a web page, in a browser: it answers as the app does, and offline."""

import base64
import functools
import struct
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from odd_pictures import P3, curve, fixed, icc, rgb_profile
from PIL import Image
from playwright.sync_api import expect
from serving import TIMEOUT_MS

from decor_core.export.formats import export_model
from decor_core.images.decode import load_picture
from decor_core.images.localize import find_object
from decor_core.images.views import WORKING_SIDE
from decor_core.model.bundle import load_bundle
from decor_core.model.predictor import ImagePredictor

SAMPLES = sorted((Path(__file__).parents[2] / "models" / "samples").glob("*.jpg"))

# What the page's own modules say of a file, and of pixels; modules are loaded once.
PREDICT = """async (encoded) => {
    const [{ model }, { predict, rollUp }, { readPicture }] = await Promise.all(
        ["/page.js", "/model.js", "/picture.js"].map((file) => import(file)));
    const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
    const found = await predict(model, await readPicture(new Blob([bytes])));
    return { ...found, coarse: rollUp(found.probabilities, model.levels, model.levels.length - 1) };
}"""
READ = """async (encoded) => {
    const { readPicture } = await import("/picture.js");
    const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
    const { data } = await readPicture(new Blob([bytes]));
    return btoa(Array.from(data, (level) => String.fromCharCode(level)).join(""));
}"""
FIND_OBJECT = """async ([encoded, width, height]) => {
    const [{ findObject }, { picture }] = await Promise.all(
        ["/localize.js", "/pillow.js"].map((file) => import(file)));
    const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
    const { box, seen, weights, ground, white } = findObject(picture(width, height, 3, bytes));
    const text = (data) => btoa(Array.from(data, (level) => String.fromCharCode(level)).join(""));
    const size = [seen.width, seen.height];
    return { box, size, ground, white, seen: text(seen.data), weights: text(weights.data) };
}"""


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture(scope="module")
def predictor():
    return ImagePredictor(load_bundle())


@pytest.fixture(scope="module")
def address(predictor, tiny_training, tmp_path_factory):
    """Where a static server has the page, and in it that of a model with a network of its own."""
    root = tmp_path_factory.mktemp("web")
    for bundle, folder in (
        (predictor.bundle, root),
        (tiny_training.bundle, root / "Decor-styles"),
    ):
        with zipfile.ZipFile(export_model(bundle, "web", root / "page.zip")) as archive:
            archive.extractall(folder)
    handler = functools.partial(_Files, directory=root / "Decor-styles")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def page(browser, address):
    """The page with its model loaded; nothing may come from elsewhere or go wrong."""
    strangers, errors = [], []
    page = browser.new_page(viewport={"width": 390, "height": 844}, base_url=address)
    page.set_default_timeout(TIMEOUT_MS)
    allowed = (address, "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(allowed) else strangers.append(r.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto("/")
    expect(page.locator("#tools")).to_be_visible()
    yield page
    page.context.close()
    assert not strangers and not errors


@pytest.fixture(scope="module")
def odd(tmp_path_factory, ornament):
    """Pictures that browsers and Pillow could take for different ones."""
    folder = tmp_path_factory.mktemp("odd")
    turned = ornament(5, "firebrick", 300).crop((0, 0, 300, 220))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(folder / "turned.jpg", exif=exif, quality=95)
    clear = ornament(6, "navy", 700).convert("RGBA")
    clear.putalpha(clear.convert("L").point(lambda level: 255 if level < 200 else 0))
    clear.save(folder / "clear.png")
    hidden = ornament(8, "purple", 120).convert("RGBA")
    hidden.putalpha(0)
    hidden.save(folder / "hidden.png")
    ornament(7, "seagreen", 1900).convert("L").save(folder / "large-gray.jpg", quality=90)
    Image.open(SAMPLES[0]).resize((60, 400)).save(folder / "tall.webp", lossless=True)
    return sorted(folder.iterdir())


def _bytes(file):
    return base64.b64encode(file.read_bytes()).decode()


def test_it_answers_as_the_app_does(page, predictor, odd):
    for file in (*SAMPLES[::4], *odd):
        vector = predictor.embed(load_picture(file, max_side=WORKING_SIDE))[None]
        (probs,), (novelty,) = predictor.probabilities(vector)
        found = page.evaluate(PREDICT, _bytes(file))
        assert found["probabilities"] == pytest.approx(probs, abs=0.01), file.name
        assert found["novelty"] == pytest.approx(novelty, abs=0.01), file.name
        coarse = predictor.bundle.taxonomy.roll_up(probs[None], "country")[0]
        assert found["coarse"] == pytest.approx(coarse, abs=0.01), file.name


def test_a_model_that_carries_its_network(browser, address, tiny_training, odd):
    own = browser.new_page(base_url=address)
    own.set_default_timeout(TIMEOUT_MS)
    own.goto("/Painted-tiny/")
    expect(own.locator("#tools")).to_be_visible()
    predictor = ImagePredictor(tiny_training.bundle)
    script = PREDICT.replace('"/', '"/Painted-tiny/')
    for file in odd:
        vector = predictor.embed(load_picture(file, max_side=WORKING_SIDE))[None]
        (probs,), (novelty,) = predictor.probabilities(vector)
        found = own.evaluate(script, _bytes(file))
        assert found["probabilities"] == pytest.approx(probs, abs=0.01), file.name
        assert found["novelty"] == pytest.approx(novelty, abs=0.01), file.name
    own.context.close()


def _profile(curve):
    colorants = {tag: b"XYZ \0\0\0\0" + fixed(*xyz) for tag, xyz in P3.items()}
    return icc(b"RGB ", "P3", colorants | dict.fromkeys(("rTRC", "gTRC", "bTRC"), curve))


@pytest.mark.parametrize(
    "profile",
    [
        rgb_profile("a table of levels"),
        _profile(curve(1.8)),
        _profile(b"para\0\0\0\0" + struct.pack(">HH", 3, 0)
                 + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)),
        _profile(b"para\0\0\0\0" + struct.pack(">HH", 1, 0) + fixed(2.0, 1.1, -0.1)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_color_profiles_give_the_apps_levels(page, profile, kind, tmp_path):
    levels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    file = tmp_path / "picture"
    Image.fromarray(levels).save(file, kind, icc_profile=profile, lossless=True, quality=95)
    found = np.frombuffer(base64.b64decode(page.evaluate(READ, _bytes(file))), np.uint8)
    wanted = np.asarray(load_picture(file)).ravel()
    assert np.abs(found.astype(int) - wanted).max() <= 1
    assert (found != wanted).mean() < 1e-3
    assert np.abs(wanted.astype(int) - levels.ravel()).max() > 30  # the profile does something


def test_a_damaged_profile_is_none(page, tmp_path):
    levels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for length in (20, 140, 260):
        file = tmp_path / f"{length}.png"
        Image.fromarray(levels).save(file, icc_profile=rgb_profile("whole")[:length])
        found = np.frombuffer(base64.b64decode(page.evaluate(READ, _bytes(file))), np.uint8)
        assert np.array_equal(found, levels.ravel()) and load_picture(file)


def test_it_finds_the_object_in_the_same_pixels(page, odd):
    for file in (*SAMPLES[1::5], *odd):
        picture = load_picture(file, max_side=WORKING_SIDE)
        app = find_object(picture)
        pixels = base64.b64encode(picture.tobytes()).decode()
        found = page.evaluate(FIND_OBJECT, [pixels, *picture.size])
        assert (found["box"], found["ground"]) == ([*app.box], [*app.ground]), file.name
        assert found["white"] == (app.white and [*app.white]), file.name
        assert found["size"] == [*app.seen.size]
        assert base64.b64decode(found["seen"]) == app.seen.tobytes(), file.name
        weights = np.frombuffer(base64.b64decode(found["weights"]), np.uint8).astype(int)
        differ = np.abs(weights - np.asarray(app.weights).ravel())
        # Single and double precision round a weight in a thousand to another level.
        assert differ.max() <= 1 and differ.mean() < 1e-3, file.name


def test_pictures_come_by_choice_and_by_camera(page, predictor, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8 no picture")
    page.locator("#files").set_input_files([SAMPLES[2], broken])
    done = page.locator(".answer:not(.waiting)")
    expect(done).to_have_count(2)
    expect(done.first.locator("h2")).to_have_text("Gzhel")
    expect(done.first.locator(".words")).to_contain_text("confident", ignore_case=True)
    expect(done.last.locator("h2")).to_have_text("Not looked at")
    expect(done.last).to_contain_text("save it as JPEG or PNG")
    page.get_by_label("country").check()
    expect(done.first.locator("h2")).to_have_text("Russia")
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("button", name="Take a picture").click()
    expect(done).to_have_count(3)
    expect(done.first.locator("h2")).to_have_text("None of the known countries")
    page.get_by_role("button", name="Close the camera").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    in_view = "(e) => e.getBoundingClientRect().bottom <= innerHeight"
    assert done.first.locator(".words").evaluate(in_view)  # below the camera, on a phone
    assert page.title() == predictor.bundle.title


def test_the_model_card_is_part_of_the_page(page, predictor):
    page.get_by_role("link", name="what this model knows").click()
    card = page.locator("dialog")
    expect(card.get_by_role("heading", name=predictor.bundle.title)).to_be_visible()
    rows = card.get_by_role("row", name="Gzhel")
    expect(rows).to_contain_text("of 55")
    expect(card.locator("pre")).to_have_text("python -m http.server")
    expect(card).not_to_contain_text("license: apache")
    assert not card.locator("p, li, h3, td").filter(has_text="**").count()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    card.get_by_role("button", name="Close").click()
    expect(card).to_be_hidden()
