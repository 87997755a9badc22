"""Which folder is the class: layouts that people know, by the library and the command line."""

import json
import zipfile

import pytest
from packing import zip_bytes

from decor_core.data.catalog import open_dataset
from decor_core.data.folders.layout import read_folders
from decor_core.data.layout import find_layout
from decor_core.errors import DataError


def files(*folders, count=6):
    """``count`` names of pictures in each folder, other names as they are."""
    return [
        f"{folder}{i}.jpg" for folder in folders if folder.endswith("/") for i in range(count)
    ] + [name for name in folders if not name.endswith("/")]


def under(parents, *folders):
    return [f"{parent}/{folder}/" for parent in parents.split() for folder in folders]


CLASSES = {
    "plain": (["ash/", "oak/"], "ash oak", "ImageFolder"),
    "one folder around": (["set/ash/", "set/oak/"], "ash oak", "in “set”"),
    "parts": (under("train val test", "ash", "oak"), "ash oak", "parts “test”, “train” and “val”"),
    "parts in a folder": (under("set/train set/test", "ash", "oak"), "ash oak", "parts"),
    "parts in the classes": (under("ash oak", "train", "test"), "ash oak", "parts"),
    "parts in other words": (
        under("Trainingsdaten Validierung 测试集 тест eğitim", "ash", "oak"), "ash oak", "parts"
    ),
    "parts of one stem": (
        [*under("seg_train/seg_train seg_test/seg_test", "sea", "ice"), "seg_pred/seg_pred/"],
        "ice sea", "parts",
    ),
    "parts with pictures folders": (under("train/images val/images", "ash", "oak"), "ash oak", ""),
    "a part that is called otherwise": (under("train val extra", "ash", "oak"), "ash oak", "extra"),
    "folds": (under("fold_0 fold_1 fold_2", "ash", "oak"), "ash oak", "folds “fold_0”"),
    "folds in short": (under("k1 k2 k3 k4", "ash", "oak"), "ash oak", ""),
    "numbers in parts": (under("train test", "0", "1", "2"), "0 1 2", "parts"),
    "variants": (
        under("raw/color raw/grayscale raw/segmented", "ash", "oak", "elm"), "ash elm oak",
        "variants or sources, “color”",
    ),
    "sources": (under("amazon dslr", "bag", "bike", "pen"), "bag bike pen", "variants or sources"),
    "people": (under("person1 person2 person3", "happy", "sad"), "happy sad", "variants"),
    "cameras on sites": (under("a/cam1 a/cam2 b/cam1", "ash", "oak"), "ash oak", ""),
    "years around": (["2019/ash/", "2019/oak/", "2020/elm/"], "ash elm oak", ""),
    "years inside": (["ash/2019/", "ash/2020/", "oak/2019/"], "ash oak", "ImageFolder"),
    "cameras inside": (under("ash oak", "cam1", "cam2"), "ash oak", "ImageFolder"),
    "numbers inside": (under("ash oak", "1", "2"), "ash oak", "ImageFolder"),
    "coarse and fine": (
        ["animals/cat/", "animals/dog/", "vehicles/car/", "vehicles/bus/"], "animals vehicles", ""
    ),
    "a repository": (
        ["trees-main/LICENSE", "trees-main/README.md", "trees-main/preview.png", "trees-main/a.py",
         "trees-main/docs/figure.png", *under("trees-main", "ash", "oak", "elm")],
        "ash elm oak", "a repository: class folders in “trees-main”",
    ),
    "a repository's data": (
        ["x-main/LICENSE", "x-main/nb.ipynb", *under("x-main/data/train", "ash", "oak")],
        "ash oak", "part “train”",
    ),
    "MVTec AD": (
        ["bottle/train/good/", *under("bottle/test", "good", "broken", "scratch"),
         *under("bottle/ground_truth", "broken", "scratch")],
        "broken good scratch", "MVTec AD",
    ),
    "pictures and masks": (under("images masks", "ash", "oak"), "ash oak", ""),
    "a mask on a face": (["mask/", "no_mask/"], "mask no_mask", "ImageFolder"),
    "vehicles": (["bus/", "car/", "train/"], "bus car train", "ImageFolder"),
    "validity": (["valid/", "invalid/"], "invalid valid", "ImageFolder"),
    "words that begin like parts": (
        ["test_tube/", "train_station/", "Split/", "valley/"],
        "Split test_tube train_station valley", "ImageFolder",
    ),
    "names without endings": (["ash/1", "ash/2", "oak/1.jpg", "LICENSE"], "ash oak", "ImageFolder"),
    "dots": ([".NET/", "C#/", "C++/", "Java/"], ".NET C# C++ Java", "ImageFolder"),
    "a test that nobody labeled": ([*under("train", "ash", "oak"), "test/"], "ash oak", "parts"),
    "a test beside classes": (["ash/", "oak/", "test/"], "ash oak", "part “test”"),
}  # fmt: skip


@pytest.mark.parametrize("made, classes, said", CLASSES.values(), ids=CLASSES)
def test_the_folders_of_the_classes_are_found(made, classes, said):
    layout = read_folders(files(*made))
    assert " ".join(layout.counts) == classes
    assert said in layout.read_as and layout.read_as.startswith("Read as")
    pictures = {name for name in files(*made) if name.endswith((".jpg", ".png"))}
    assert set(layout.labels) | set(layout.left_out) >= pictures


NO_CLASSES = {
    "class in the file name": (
        [f"train/{kind}.{i}.jpg" for kind in ("cat", "dog") for i in range(5)] + ["test/"],
        ("“test” and “train” are called like parts", "“cat” and “dog”", "--classes_from name"),
    ),
    "loose": ([f"{kind}_{i}.jpg" for kind in ("cat", "dog") for i in range(5)],
              ("no pictures in class folders", "“cat” and “dog”", "--classes_from name")),
    "one folder": ([f"images/{kind}-{i:03}.png" for kind in ("ash", "oak") for i in range(5)],
                   ("“images”", "“ash” and “oak”", "--classes_from name")),
    "parts alone": (["train/", "test/", "val/"],
                    ("called like parts", "--classes_from folder")),
    "folds alone": (["fold1/", "fold2/"], ("“fold1” and “fold2” are called like parts",)),
}  # fmt: skip


@pytest.mark.parametrize("made, told", NO_CLASSES.values(), ids=NO_CLASSES)
def test_parts_alone_are_no_classes(run, write_pictures, made, told):
    folder = write_pictures(*files(*made))
    assert find_layout(folder).kind == "loose"
    with pytest.raises(DataError):
        open_dataset(folder)
    for command in ("check", "retrain", "evaluate", "sweep"):
        code, out, err = run(command, "--image_dir", folder)
        assert (code, out) == (2, "")
        assert all(words in err for words in told)


def counts(run, folder, *flags, code=0):
    ended, out, err = run("check", "--image_dir", folder, "--no_model", "--json", *flags)
    assert ended == code, err
    return json.loads(out)["counts"]


def test_what_the_classes_are_can_be_told(run, refused, write_pictures):
    names = [f"{part}/{who}/{kind}_{i}.png" for part in ("train", "test") for who in ("al", "bo")
             for kind in ("cat", "dog") for i in range(3)]  # fmt: skip
    folder = write_pictures(*names, "loose.png")
    assert set(counts(run, folder)) == {"al", "bo"}
    assert set(counts(run, folder, "--classes_from", "folder")) == {"al", "bo"}
    assert set(counts(run, folder, "--classes_from", "parent")) == {"train", "test"}
    assert set(counts(run, folder, "--classes_from", "folder:1")) == {"train", "test"}
    assert set(counts(run, folder, "--classes_from", "folder:2")) == {"al", "bo"}
    for by_name in ("name", "file_name"):
        assert counts(run, folder, "--classes_from", by_name) == {"cat": 12, "dog": 12}
    assert "expected “folder”" in refused("check", "--image_dir", folder, "--classes_from", "up")
    assert "expected “folder”" in refused(
        "check", "--image_dir", folder, "--classes_from", "folder:0"
    )
    assert "no classes to be had from “folder:3”" in refused(
        "retrain", "--image_dir", folder, "--classes_from", "folder:3"
    )
    assert open_dataset(folder, classes_from="name").taxonomy.labels == ("cat", "dog")


def test_every_command_says_what_it_assumed(run, painted, tmp_path):
    for fold in ("fold_0", "fold_1"):
        for label in ("Gzhel", "Iznik"):
            (tmp_path / "set" / fold / label).mkdir(parents=True)
            for path in sorted((painted / label).iterdir())[fold == "fold_1" :: 2]:
                (tmp_path / "set" / fold / label / path.name).write_bytes(path.read_bytes())
    where = ("--image_dir", tmp_path / "set")
    quick = ("--views", 1, "--head", "lda", "--copies", 0)
    for command in (
        ("check", *where, "--no_model"),
        ("prepare", *where, "--out", tmp_path / "out"),
        ("retrain", *where, *quick),
        ("retrain", *where, *quick, "--json"),
        ("sweep", *where, "--views", 1, "--head", "lda", "--folds", 3),
    ):
        code, out, err = run(*command)
        assert code == 0, err
        assert "not for classes: “fold_0”, “fold_1”" in out + err
        if "--json" in command:
            json.loads(out)
        else:
            assert "Read as class folders in the folds “fold_0” and “fold_1”" in out + err


def test_a_folder_and_its_zip_are_read_alike(write_pictures, tmp_path):
    names = ["LICENSE", ".NET/1.png", ".NET/2.png", ".git/3.png", "ash/4.png", "ash/5.png",
             "test/6.png", "ash/.ipynb_checkpoints/4.png", "@eaDir/ash/4.png"]  # fmt: skip
    folder = write_pictures(*names)
    path = tmp_path / "set.zip"
    data = {f"set-main/{name}": (folder / name).read_bytes() for name in names}
    path.write_bytes(zip_bytes(data, zipfile.ZIP_DEFLATED))
    one, other = open_dataset(folder), open_dataset(path)
    assert one.report.counts == other.report.counts == {".NET": 2, "ash": 2}
    for catalog, top in ((one, ""), (other, "set-main/")):
        assert catalog.report.set_aside == {
            f"{top}test/6.png": "It lies in “test”, a part of the data set, and in no class folder."
        }
        assert any("“.NET”" in finding.message for finding in catalog.report.of("assumed"))


ANNOTATED = {
    "COCO": {"annotations/instances_train.json":
             b'{"images": [], "annotations": [{"bbox": [1, 2, 3, 4]}], "categories": []}'},
    "YOLO": {"labels/train/0.txt": b"0 0.5 0.5 0.25 0.25\n1 0.1 0.2 0.3 0.4\n"},
    "LabelMe": {"images/train/0.json": b'{"shapes": [{"label": "ash", "points": []}]}'},
    "Pascal VOC": {"Annotations/0.xml": b"<annotation><object/></annotation>"},
}  # fmt: skip


@pytest.mark.parametrize("name", ANNOTATED)
def test_annotations_of_objects_are_named_with_the_way_out(refused, write_pictures, name):
    folder = write_pictures(*(f"images/train/{i}.jpg" for i in range(4)))
    for file, data in ANNOTATED[name].items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(data)
    layout = find_layout(folder)
    assert layout.kind == "annotations" and f"a {name} data set" in layout.read_as
    told = refused("check", "--image_dir", folder)
    assert f"a {name} data set" in told and "cut the objects out into class folders" in told


def test_captions_beside_pictures_are_no_annotations(write_pictures):
    folder = write_pictures("ash/1.png", "oak/1.png")
    (folder / "ash/1.txt").write_text("an ash in winter")
    assert find_layout(folder).kind == "folders"
