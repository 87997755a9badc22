"""Threats of SECURITY.md that no other test shows: markup, polyglots, code in data, settings."""

import ast
import io
import json
import re
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from serving import ROOT, TIMEOUT_MS, chromium, served, tick_row

from decor_app.format import escape_markdown
from decor_app.state.images import ImageFile
from decor_core.datasets.store import DatasetStore
from decor_core.errors import DataError, PictureError
from decor_core.export.formats import export_model
from decor_core.images.decode import load_picture
from decor_core.images.encode import encode_webp
from decor_core.model.bundle import load_bundle

SAMPLES = ROOT / "models" / "samples"
SCRIPT = '<img src=x onerror="window.pwned=1">'
MARKUP = f"{SCRIPT} [a](javascript:pwned) **b** $x$ :red[c]"
FORMULA = "=HYPERLINK(1)"


# --- markup in names and labels


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Iterator[object]:
    """A page of a server; at the end nothing that came as data has run or become an element."""
    folder = tmp_path_factory.mktemp("served")
    with served(folder / "log", DECOR_HOME=str(folder)) as server, chromium() as browser:
        page = browser.new_page(base_url=server.address)
        page.set_default_timeout(TIMEOUT_MS)
        page.on("dialog", lambda dialog: pytest.fail("a dialog opened"))
        yield page


def _is_inert(page) -> None:
    page.wait_for_timeout(500)
    assert page.evaluate("window.pwned") is None
    assert page.locator("img[src='x']").count() == 0
    assert page.locator("a[href^='javascript']").count() == 0


def _upload(page, *files: dict) -> None:
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(list(files))


def _file(name: str, data: bytes) -> dict:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


def _hostile_model(folder: Path) -> bytes:
    """The shipped model under names that are markup."""
    packed = export_model(load_bundle(), "bundle", folder / "model.zip")
    stream = io.BytesIO()
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith(".json"):
                text = json.dumps(json.loads(data), ensure_ascii=False)
                text = text.replace('"Khokhloma"', json.dumps(f"{MARKUP} Khokhloma"))
                text = text.replace('"Gorodets"', json.dumps(f"{FORMULA} Gorodets"))
                data = re.sub(r'"title": "[^"]*"', f'"title": {json.dumps(MARKUP)}', text).encode()
            new.writestr(name, data)
    return stream.getvalue()


def test_markup_in_the_names_of_files_and_labels_is_only_text(page, tmp_path):
    page.goto("/runs")
    page.get_by_text("Bring a model back").click()
    _upload(page, _file("model.zip", _hostile_model(tmp_path)))
    page.get_by_text("Imported:").wait_for()
    _is_inert(page)
    tick_row(page, 0)
    page.get_by_role("button", name="Use this model").click()
    page.locator("canvas, svg").first.wait_for()
    page.mouse.move(640, 600)  # whatever lies there shows its tooltip
    _is_inert(page)
    page.get_by_role("link", name="Classify", exact=True).click()
    page.get_by_test_id("stHeading").get_by_text("Which decor is it?").wait_for()
    page.get_by_text("Try a drawn sample").wait_for()
    picture = (SAMPLES / "khokhloma-bowl.jpg").read_bytes()
    _upload(page, _file(f"{SCRIPT}.jpg".replace("/", ""), picture), _file("2.jpg", picture + b"2"))
    card = page.get_by_role("option", name="2.jpg")
    card.wait_for()
    _is_inert(page)
    assert "window.pwned=1" in page.inner_text("body")
    card.click()
    page.get_by_text("for it", exact=True).first.wait_for()
    _is_inert(page)


def test_markup_in_a_data_set_is_only_text(page, ornament, encoded):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for label in (SCRIPT, FORMULA):
            for number in range(6):
                data = encoded(ornament(number + len(label)))
                packed.writestr(f"{label}/{number}{SCRIPT}.png", data)
            packed.writestr(f"{label}/broken.png", b"no picture")
    page.goto("/data")
    _upload(page, _file("set.zip", stream.getvalue()))
    page.get_by_text(re.compile("onerror=")).first.wait_for()
    page.wait_for_timeout(1500)
    _is_inert(page)


@pytest.mark.parametrize("text", [MARKUP, "a\nb", "# heading", "<script>", "`code`", "|", "&lt;"])
def test_plain_leaves_nothing_for_markdown_or_html(text):
    for place, letter in enumerate(escape_markdown(text)):
        if letter in r"`*_{}[]()#+-.!|~<>:$&^=":
            assert escape_markdown(text)[place - 1] == "\\"


# --- pictures that are something else, too


def test_a_picture_that_is_also_a_page_or_a_zip_is_only_a_picture(encoded, ornament):
    picture = encoded(ornament(1), "JPEG")
    stream = io.BytesIO(picture)
    with zipfile.ZipFile(stream, "a") as packed:
        packed.writestr("x.html", f"<html>{SCRIPT}")
    for data in (picture + f"<html>{SCRIPT}".encode(), stream.getvalue()):
        packed = encode_webp(load_picture(data))
        assert b"<html" not in packed and b"PK\3\4" not in packed
        assert Image.open(io.BytesIO(packed)).format == "WEBP"


def test_what_is_shown_was_packed_anew_with_no_notes_beside(encoded, ornament):
    exif = Image.Exif()
    exif[0x010E] = SCRIPT  # the description
    exif[0x8825] = {1: "N"}  # where it was taken
    data = encoded(ornament(1), "JPEG", exif=exif, comment=b"secret")
    packed = encode_webp(load_picture(data))
    assert not Image.open(io.BytesIO(packed)).getexif() and b"secret" not in packed


@pytest.mark.parametrize("start", [b"<svg onload=alert(1)>", b"%PDF-1.7", b"PK\3\4", b"\x7fELF"])
def test_what_is_no_picture_is_refused_whatever_its_name(start):
    with pytest.raises(PictureError):
        load_picture(start + bytes(100))
    assert ImageFile("holiday.jpg", start).name  # names decide nothing


# --- paths


@pytest.mark.parametrize("name", ["..", "../x", "/etc", ".trash", "", ".", "a/../../x", "a\0b"])
def test_no_name_of_a_data_set_leads_elsewhere(tmp_path, name):
    (tmp_path / "x").mkdir()
    (tmp_path / "sets" / ".trash").mkdir(parents=True)
    with pytest.raises(DataError):
        DatasetStore(tmp_path / "sets").get(name)


# --- code in data, and settings


def _calls() -> Iterator[tuple[str, str]]:
    """Every call in the app's own code: file, and what is called, dotted."""
    folders = ("decor_core", "decor_app", "pages")
    for path in [*(p for f in folders for p in ROOT.glob(f"{f}/**/*.py")), ROOT / "app.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                keywords = {word.arg: ast.unparse(word.value) for word in node.keywords}
                yield path.name, ast.unparse(node.func)
                for name, value in keywords.items():
                    yield path.name, f"{ast.unparse(node.func)}({name}={value})"


def test_nothing_that_comes_from_outside_is_run_or_unpickled():
    calls = list(_calls())
    unpickling = {file for file, call in calls if call in ("pickle.load", "pickle.loads")}
    assert unpickling == {"cluster.py", "cluster_worker.py"}, "what a cluster of one's own has made"
    unpickling = {file for file, call in calls if call.endswith(".recv")}  # of a Connection
    assert unpickling == {"worker.py"}, "only over the pipes between the server and its child"
    running = ("eval", "exec", "compile", "os.system", "os.popen", "__import__", "yaml.load")
    assert not [call for call in calls if call[1] in running]
    assert not [call for call in calls if "shell=True" in call[1] or "allow_pickle=True" in call[1]]
    processes = {file for file, call in calls if call.startswith("subprocess.")}
    assert processes == {"worker.py", "app.py", "serve.py"}, "the server's child, and the servers"
    assert not [call for call in calls if "unsafe_allow" in call[1]]


def test_the_settings_of_streamlit_are_the_safe_ones():
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["client"]["showErrorDetails"] == "none"
    assert settings["client"]["toolbarMode"] == "viewer"
    assert settings["browser"]["gatherUsageStats"] is False
    server = settings["server"]
    assert server["maxWidgetStateSize"] <= 8 and server["maxMessageSize"] <= 32
    # On unless somebody turns them off.
    assert server.get("enableXsrfProtection", True) and server.get("enableCORS", True)
    assert not server.get("enableStaticServing", False), "files would be served as they are"


def test_secrets_are_kept_out_of_the_repository():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert ".streamlit/secrets.toml" in ignored
