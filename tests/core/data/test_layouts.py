"""Trees of folders made up by Hypothesis: no picture is lost, no label changed, without a word."""

import zipfile
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from property_settings import odd

from decor_core.data.findings import KINDS
from decor_core.data.folders.class_folders import list_class_folders
from decor_core.data.folders.layout import possible_layouts, read_folders
from decor_core.data.folders.names import is_part
from decor_core.data.folders.outline import possible_outlines
from decor_core.data.folders.tree import FolderTree
from decor_core.data.layout import find_layout, table_bytes
from decor_core.data.listing import label_text
from decor_core.data.sources.source import open_source
from decor_core.data.tables.table_listing import list_tables
from decor_core.errors import DataError
from decor_core.images.formats import has_picture_ending

CLASSES = ("ash", "oak", "elm", ".NET", "C#", "Łowicz", "0", "1", "bus", "no_mask", "test_tube")
PARTS = (
    "train",
    "Test Set",
    "val2017",
    "fold_0",
    "fold1",
    "split2",
    "Validierung",
    "测试集",
    "dev",
)
AROUND = ("raw", "color", "gray", "2019", "2020", "cam1", "cam2", "images", "set", "person1")
STRAYS = ("LICENSE", "README.md", "index.png", "nb.ipynb", "labels.txt", "a.xml", "cat.7.png")
folders = st.lists(
    st.sampled_from((*CLASSES, *PARTS, *AROUND, "masks", "ground_truth", "docs")), max_size=4
)
files = st.sampled_from((*STRAYS, *(f"{i}.jpg" for i in range(4)), "cat.1.png", "dog_2.png"))
trees = st.lists(
    st.builds(lambda path, file: "/".join((*path, file)), folders, files), max_size=24
).map(lambda names: sorted(set(names)))


def _parts_in_silence(labels, said):
    return {label for label in labels if is_part(label) and f"“{label}”" not in said}


@odd
@given(trees)
def test_no_picture_is_lost_and_no_part_is_a_class_without_a_word(names):
    pictures = set(filter(has_picture_ending, names))
    try:
        listing = list_class_folders(names)
    except DataError as error:
        assert str(error)
        return
    listed = [row.file for row in listing.rows]
    aside = {entry.file for entry in listing.findings if entry.set_aside}
    assert len(set(listed)) == len(listed) and not aside & set(listed)
    assert pictures <= {*listed, *aside} <= set(names)
    for row in listing.rows:
        assert row.labels[0] in map(label_text, PurePosixPath(row.file).parts[:-1])
    assert {entry.kind for entry in listing.findings} <= set(KINDS)
    said = " ".join(entry.message for entry in listing.findings if entry.kind == "assumed")
    assert not _parts_in_silence({row.labels[0] for row in listing.rows}, said)
    assert listing.read_as


@odd
@given(trees, st.data(), st.booleans(), st.sampled_from((",", ";", "\t")))
def test_a_table_among_folders_loses_no_picture_and_changes_no_label(
    tmp_path_factory, names, data, with_header, separator
):
    pictures = list(filter(has_picture_ending, names))
    folder = PurePosixPath(data.draw(st.sampled_from(["", *names]))).parent
    inside = [name for name in pictures if PurePosixPath(name).is_relative_to(folder)]
    named = data.draw(st.lists(st.sampled_from(inside), unique=True)) if inside else []
    label_of = {name: data.draw(st.sampled_from(CLASSES)) for name in named}
    parts = st.sampled_from(("train", "test"))
    rows = [["picture", "split", "label"]] * with_header
    rows += [
        [str(PurePosixPath(name).relative_to(folder)), data.draw(parts), label]
        for name, label in label_of.items()
    ]
    table = str(folder / "list.csv")
    path = tmp_path_factory.mktemp("set") / "set.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for name in {*names} - {table}:
            packed.writestr(name, b"")
        packed.writestr(table, "\n".join(separator.join(row) for row in rows))
    source = open_source(path)
    try:
        layout = find_layout(source)
        by_table = bool(layout.tables)
        if by_table:
            tables = {name: table_bytes(source, name) for name in layout.tables}
            listing = list_tables(tables, source.names)
        else:
            listing = list_class_folders(source.names, source.folders)
    except DataError as error:
        assert str(error)
        return
    listed = {row.file: row.labels for row in listing.rows}
    aside = {entry.file for entry in listing.findings if entry.set_aside}
    assert not aside & listed.keys()
    assert set(pictures) <= listed.keys() | aside
    for file, labels in listed.items():
        if by_table:
            assert labels == (label_text(label_of[file]),)
        else:
            assert labels[0] in map(label_text, PurePosixPath(file).parts[:-1])


@odd
@given(trees, st.sampled_from(("folder", "parent", "folder:1", "folder:2", "name")))
def test_what_is_told_is_done_to_the_letter(names, classes_from):
    layout = read_folders(names, classes_from)
    assert set(filter(has_picture_ending, names)) <= {*layout.labels, *layout.left_out}
    for name, label in layout.labels.items():
        path = PurePosixPath(name)
        place = {"folder": -1, "parent": -2, "folder:1": 0, "folder:2": 1}.get(classes_from)
        if place is None:
            assert label in path.stem
        else:
            assert label == path.parts[:-1][place]


@odd
@given(trees)
def test_the_outline_counts_every_picture(names):
    outlines = possible_outlines(names)
    assert [one.counts for one in outlines] == [
        one.counts for one in possible_layouts(FolderTree(names))
    ]
    pictures = sum(map(has_picture_ending, names))
    for outline in outlines:
        assert sum(outline.counts.values()) + sum(outline.left_out.values()) >= pictures
        at_top = sum(line.pictures for line in outline.lines if not line.depth)
        assert at_top <= max(pictures, len(names))


@odd
@given(
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(("ash", "oak", "elm", "Łowicz")), min_size=2, unique=True),
    st.booleans(),
    st.sampled_from(("", "set/", "trees-main/data/")),
    st.lists(st.sampled_from(STRAYS), max_size=3),
)
def test_parts_around_or_inside_of_classes_never_are_the_classes(
    parts, classes, inside, top, strays
):
    pairs = [(label, part) if inside else (part, label) for part in parts for label in classes]
    names = [f"{top}{one}/{other}/{i}.jpg" for one, other in pairs for i in range(3)]
    names += [f"{top}{stray}" for stray in strays]
    assert set(read_folders(sorted(set(names))).counts) == set(classes)


@pytest.mark.parametrize("around", ["", "Set/", "data/Set/"])
@pytest.mark.parametrize(
    "called", ["unlabeled", "Unlabelled images", "to_label", "toBeLabeled", "unsorted 2", "未标注"]
)
def test_pictures_that_are_to_be_labeled_are_no_class(around, called):
    loose = [f"{around}{called}/{i}.jpg" for i in range(50)]
    names = [f"{around}{label}/{i}.jpg" for label in ("roses", "tulips") for i in range(4)]
    found = read_folders([*names, *loose])
    assert found.counts == {"roses": 4, "tulips": 4} and not found.question
    assert set(found.left_out) == set(loose)
    assert f"to be labeled, not for a class: “{called}”" in " ".join(found.assumed)
    told = read_folders([*names, *loose], "folder")
    assert told.counts == {"roses": 4, "tulips": 4, called: 50}
    assert not read_folders(loose).counts


@pytest.mark.parametrize("called", ["none", "new", "other", "unknown", "label", "unlabeled bottle"])
def test_classes_that_only_sound_like_it_stay(called):
    names = [f"Set/{label}/{i}.jpg" for label in ("roses", "tulips", called) for i in range(4)]
    assert set(read_folders(names).counts) == {"roses", "tulips", called}


def test_parts_beside_pictures_that_are_to_be_labeled():
    names = [f"stl/{part}/{c}/{i}.jpg" for part in ("train", "test") for c in "ab" for i in "123"]
    found = read_folders([*names, *(f"stl/unlabeled/{i}.jpg" for i in range(90))])
    assert found.counts == {"a": 6, "b": 6} and len(found.left_out) == 90
