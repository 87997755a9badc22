"""Whole files with odd content, made up by Hypothesis: what comes out hangs together.

benchmarks/fuzz.py breaks bytes; this knows what a table, a zip, a label and a manifest are.
``DECOR_EXAMPLES=10000 pytest tests/core/data/test_properties.py`` looks for longer, elsewhere each
time.
"""

import csv
import io
import json
import shutil
import warnings
import zipfile
from collections import Counter
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packing import list_table
from property_settings import odd

from decor_app.jobs.ingest_tasks import IngestTask, ingest
from decor_core.data.findings import KINDS
from decor_core.data.folders.class_folders import list_class_folders
from decor_core.data.listing import label_text
from decor_core.data.sources.source import open_archive
from decor_core.datasets.archive import zip_pieces
from decor_core.datasets.dataset import load_dataset
from decor_core.errors import DataError, DecorError
from decor_core.images.formats import has_picture_ending, is_picture_name
from decor_core.model.bundle import BUNDLE_FILES, DEFAULT_BUNDLE
from decor_core.model.events import never_stop
from decor_core.model.training_data import TrainingData
from decor_core.runs.import_run import import_run
from decor_core.text import normal

# Few parts, so that they meet: also as the same but for case, composition, blanks.
PARTS = (
    *("a", "A", "é", "e\u0301", "01", "x y", " b ", "a.b"),
    *("Łowicz", "Гжель", "test", "CON", "=1"),
)
LABELS = (*PARTS, "__macosx", ".hidden", "nul", "a/b", "a:b", "Gzhel")
ENDINGS = (".png", ".PNG", ".jpg", ".txt", "")
names = st.builds(
    lambda parts, ending: "/".join(parts) + ending,
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=4),
    st.sampled_from(ENDINGS),
)
texts = st.text(max_size=12) | st.text("a,;|\t\"'\n\r =+-@\u200b\u202e\ufeffé", max_size=12)
HEADS = ("file", "FILE", "decor", "country", "type", "class", "image", "label", "file_label", "")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1250", "cp1251", "shift_jis")


@st.composite
def tables(draw):
    """Names of files, and a CSV that names some of them, more or less."""
    files = sorted({normal(name) for name in draw(st.lists(names, max_size=6))} - {""})
    near = [form for name in files for form in (name, name.upper(), name.replace("/", "\\"),
            PurePosixPath(name).name, PurePosixPath(name).stem)]  # fmt: skip
    cells = texts | st.sampled_from([*near, *PARTS, "Gzhel", "Russia", "product", "1"])
    rows = draw(st.lists(st.lists(cells, max_size=5), max_size=8))
    head = draw(st.lists(st.sampled_from(HEADS) | texts, min_size=1, max_size=5))
    stream = io.StringIO()
    writer = csv.writer(
        stream,
        delimiter=draw(st.sampled_from(",;\t|")),
        quoting=draw(st.sampled_from((csv.QUOTE_ALL, csv.QUOTE_MINIMAL))),
        lineterminator=draw(st.sampled_from(("\n", "\r\n", "\r"))),
    )
    writer.writerows([head, *rows])
    return files, stream.getvalue().encode(draw(st.sampled_from(ENCODINGS)), "replace")


def _is_picture(name):
    return is_picture_name(name) and bool(PurePosixPath(name).suffix)


@odd
@given(tables())
def test_a_table_is_refused_or_accounts_for_every_picture(made):
    files, data = made
    try:
        listing = list_table(data, files)
    except DecorError as error:
        assert str(error)
        return
    listed = [row.file for row in listing.rows]
    assert max(Counter(listed).values(), default=1) == 1 and set(listed) <= set(files)
    assert len(set(listing.levels)) == len(listing.levels)
    for row in listing.rows:
        assert len(row.labels) == len(listing.levels)
        assert all(label and label == label_text(label) for label in row.labels)
    assert {entry.kind for entry in listing.findings} <= set(KINDS)
    assert set(filter(has_picture_ending, files)) <= {
        *listed,
        *(entry.file for entry in listing.findings if entry.set_aside),
    }


HIDDEN = ("__MACOSX/", ".git/")
members = st.lists(
    st.builds(
        "{}{}".format,
        st.sampled_from(("", "/", "../", "./", "C:\\", "a\\", "//", *HIDDEN)),
        names,
    ),
    max_size=8,
)


@odd
@given(members)
def test_a_zip_gives_each_file_once_and_none_under_a_name_that_leads_elsewhere(paths):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the same name twice
        for number, path in enumerate(paths):
            archive.writestr(path, str(number))
    source = open_archive(stream, "odd.zip")
    parts = [part for name in source.names for part in name.split("/")]
    assert not {"", ".", ".."} & set(parts)
    read = Counter(source.read(name) for name in source.names)
    assert max(read.values(), default=1) == 1
    assert len(read) == sum(not path.startswith(HIDDEN) for path in paths)
    try:
        listing = list_class_folders(source.names, source.folders)
    except DataError:
        return
    listed = {row.file for row in listing.rows} | {e.file for e in listing.findings if e.set_aside}
    assert {name for name in source.names if _is_picture(name)} <= listed


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, ornament, encoded):
    """A data set of four pictures in two classes."""
    folder = tmp_path_factory.mktemp("set")
    for number, label in enumerate(("ash", "ash", "oak", "oak")):
        (folder / label).mkdir(exist_ok=True)
        (folder / label / f"{number}.png").write_bytes(encoded(ornament(number)))
    return _taken_in(folder, folder / "kept")


def _taken_in(source, into):
    return ingest(IngestTask(source, into, "Odd"), lambda event: None, never_stop)


@odd
@given(st.lists(texts | st.sampled_from(LABELS), min_size=5, max_size=5), names)
def test_a_data_set_comes_back_from_its_zip_as_it_was(
    pictures, encoded, ornament, tmp_path_factory, labels, name
):
    place = tmp_path_factory.mktemp("zip")
    kept = load_dataset(shutil.copytree(pictures.folder, place / "kept"))
    made, _ = kept.add([(name, encoded(ornament(9)))], "ash")
    try:
        made = made.relabel_each(dict(zip(made.table["file"], labels, strict=False)))
    except DataError:
        return
    (place / "set.zip").write_bytes(b"".join(zip_pieces(made)))
    again = _taken_in(place / "set.zip", place / "again")
    assert dict(zip(again.table["key"], again.table[again.level], strict=True)) == dict(
        zip(made.table["key"], made.table[made.level], strict=True)
    )
    assert again.version == made.version


WHOLE = {name: (DEFAULT_BUNDLE / name).read_bytes() for name in BUNDLE_FILES}
MANIFEST = json.loads(WHOLE["manifest.json"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def _places(tree, path=()):
    """The way to each value in nested JSON."""
    inside = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    for key, value in inside:
        yield (*path, key)
        yield from _places(value, (*path, key))


@odd
@given(st.sampled_from(sorted(_places(MANIFEST), key=str)), json_values)
def test_a_manifest_that_says_something_else_is_refused_or_makes_a_model(path, value):
    manifest = json.loads(WHOLE["manifest.json"])
    tree = manifest
    for key in path[:-1]:
        tree = tree[key]
    tree[path[-1]] = value
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in (WHOLE | {"manifest.json": json.dumps(manifest).encode()}).items():
            archive.writestr(name, data)
    try:
        run = import_run(stream.getvalue())
    except DecorError as error:
        assert str(error)
        return
    TrainingData.of(run.bundle)
    for judged in run.cross_validation.values():
        figures = judged.accuracy, judged.balanced_accuracy, *judged.ci95, *judged.balanced_ci95
        assert all(0 <= figure <= 1 for figure in figures)
