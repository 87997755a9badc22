"""README and documentation: short, every link leads somewhere, every command runs as written."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from PIL import Image

from decor_core.__main__ import main
from decor_core.runs.store import DiskRuns

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
# In the order in which a reader comes upon their commands.
WITH_COMMANDS = (
    "README.md",
    "docs/tutorials/first-classifier.md",
    "docs/how-to/own-pictures.md",
    "docs/how-to/train.md",
    "docs/how-to/runs.md",
    "docs/how-to/export.md",
)


def _commands(page):
    text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(r"^    python -m decor_core (.+)$", text, re.M)


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file) if file else page
        assert found.exists(), f"{target} leads nowhere"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.M)
            assert anchor in {
                re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings
            }


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        assert f" {page.relative_to(ROOT / 'docs').as_posix()}\n" in navigation, page


def _rows_of_where_things_are():
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    section = text.split("## Where things are")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| (.+?) \| (.*`.*) \|$", section, re.M))


@pytest.mark.parametrize("name", _rows_of_where_things_are())
def test_files_and_names_are_where_the_architecture_says(name):
    """A file is named from the root, or as seen from one before it in its row."""
    named = re.findall(r"`([^`]+)`", _rows_of_where_things_are()[name])
    seen_from, words, files = [ROOT], [], []
    for one in named:
        found = next((f for folder in seen_from for f in sorted(folder.glob(one.strip("/")))), None)
        if found:
            files += [file for file in (found, *found.rglob("*")) if file.suffix in _READ]
            seen_from[:0] = [found, found.parent, found.parent.parent]
        elif re.fullmatch(r"[a-zA-Z_]\w*(\.[a-zA-Z_]\w*)*", one) and Path(one).suffix not in _READ:
            words += one.split(".")
        else:
            assert " " in one or not re.search(r"[/*]|\.\w+$", one), f"there is no {one}"
    there = re.findall(r"\w+", " ".join(file.read_text(encoding="utf-8") for file in files))
    assert not set(words) - set(there), f"these names are in none of {files}"


_READ = {".py", ".js", ".md", ".toml", ".conf"}


@pytest.fixture(scope="module")
def some(painted, tmp_path_factory):
    """Five of the painted pictures of each style."""
    root = tmp_path_factory.mktemp("some")
    for path in sorted(painted.glob("*/?0[0-4].png")):
        (root / path.parent.name).mkdir(exist_ok=True)
        shutil.copy(path, root / path.parent.name)
    return root


def test_commands_run_as_written(some, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DECOR_HOME", str(tmp_path / "home"))
    (tmp_path / "models").symlink_to(ROOT / "models")
    for name in ("decor_images", "my_pictures"):
        (tmp_path / name).symlink_to(some)
    for name in ("images", "my_pictures"):
        shutil.make_archive(name, "zip", some)
    country = {"Gzhel": "Russia", "Khokhloma": "Russia", "Iznik": "Turkey"}
    pictures = sorted(some.rglob("*.png"))
    rows = [f"{path.name},{path.parent.name},{country[path.parent.name]}" for path in pictures]
    Path("decor.csv").write_text("\n".join(["file,decor,country", *rows]), encoding="utf-8")
    Path("folder_of_photos").mkdir()
    Image.open(pictures[0]).save("photo.jpg")
    Image.open(pictures[1]).save("folder_of_photos/other.jpg")
    commands = list(dict.fromkeys(command for page in WITH_COMMANDS for command in _commands(page)))
    assert {command.split()[0] for command in commands} == {
        "check", "prepare", "train", "evaluate", "sweep", "label", "runs", "export", "import"
    }  # fmt: skip
    for command in commands:
        arguments = shlex.split(command)
        if command.startswith("prepare"):  # writes beside what the others read
            arguments[arguments.index("decor_images")] = "prepared"
        if command.startswith("evaluate"):  # on 285 pictures: a small part of it shows as much
            arguments += ["--folds", "2", "--repeats", "1"]
        if command.startswith("sweep"):
            arguments += ["--folds", "2"]
        code = main(arguments)
        assert code == 0, (command, capsys.readouterr().err)
    assert sorted(found.title for found in DiskRuns().list() if not found.read_only) == [
        "First", "First again"
    ]  # fmt: skip
    assert any((tmp_path / "summaries" / "train").iterdir())


def test_python_examples_run_as_written(some, tmp_path, monkeypatch, capsys):
    """In one process, one after the other; what pickling by scikit-learn's processes needs is
    tested with the estimator, as starting them takes ten seconds."""
    from joblib import parallel_backend

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DECOR_HOME", str(tmp_path / "home"))
    for path in sorted(some.rglob("*.png"))[::2] + sorted(some.rglob("*0.png")):
        Path("my_pictures", path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, Path("my_pictures", path.parent.name))
    paths = sorted(Path("my_pictures").rglob("*.png"))
    Image.open(paths[0]).save("photo.jpg")
    names = {"paths": paths, "labels": [path.parent.name for path in paths]}
    for page in ("README.md", "docs/how-to/python.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        examples = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
        assert examples, page
        for example in examples:
            with parallel_backend("threading"):
                exec(example, names)
        assert set(names["model"].classes_) == set(names["labels"])
    assert names["decor"].classes_.tolist() != names["model"].classes_.tolist()
    assert names["comparison"].settings["head"] == ("ensemble", "lda")
    assert set(names["table"]["country"]) <= {"Poland", "Russia", "Turkey", "Belarus", "unknown"}
    assert Path("evidence.png").is_file() and Path("my_model.zip").is_file()
    assert "Image 1, “absent.jpg”: The file is missing" in capsys.readouterr().out
