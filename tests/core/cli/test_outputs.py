"""Files that a command is to write and that are there already, and folders that are files."""

import pytest

PICTURE = b"\x89PNG a picture that is there once"


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(PICTURE)
    return path


@pytest.mark.parametrize("command", [
    ("export", "Painted", "--out"),
    ("export", "Painted", "--format", "card", "--out"),
    ("suggest", "pictures", "--out"),
    ("retrain", "absent", "--output_labels"),
    ("retrain", "absent", "--output_graph"),
])  # fmt: skip
def test_no_file_is_written_over(refused, kept, photo, tmp_path, command):
    told = refused(*command, photo)
    assert f"“{photo}” exists already; give {command[-1]} another name, or delete it." in told
    assert photo.read_bytes() == PICTURE
    assert f"“{tmp_path}” is a folder; expected the name of a" in refused(*command, tmp_path)


def test_no_export_is_written_over_under_its_usual_name(run, refused, kept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("export", "Painted")[0] == 0
    before = (tmp_path / "Painted-bundle.zip").read_bytes()
    assert "“Painted-bundle.zip” exists already" in refused("export", "Painted")
    assert (tmp_path / "Painted-bundle.zip").read_bytes() == before


def test_labels_of_an_earlier_training_are_replaced_and_a_table_is_not(run, painted, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("Roses\nTulips\n")
    assert run("train", painted, "--views", 1, "--quick", "--output_labels", labels)[0] == 0
    assert labels.read_text() == "Gzhel\nKhokhloma\nIznik\n"
    for table in ("a.png,Roses\nb.png,Tulips\n", "a.png\tRoses\n", "Rose\nRose\n", "Rose\n\nx\n"):
        labels.write_text(table)
        code, _, err = run("train", "absent", "--output_labels", labels)
        assert code == 2 and "exists already" in err and labels.read_text() == table


@pytest.mark.parametrize("command", [
    ("networks", "--model_dir"),
    ("train", "pictures", "--model_dir"),
    ("train", "pictures", "--bottleneck_dir"),
    ("train", "pictures", "--summaries_dir"),
    ("check", "pictures", "--bottleneck_dir"),
    ("label", "photo.png", "--explain"),
])  # fmt: skip
def test_a_file_that_should_be_a_folder_is_told_at_once(refused, photo, command):
    assert f"“{photo}” is a file; expected a folder ({command[-1]})." in refused(*command, photo)


def test_networks_are_looked_for_in_a_folder_that_is_not_there(run, tmp_path, monkeypatch):
    monkeypatch.setenv("DECOR_BACKBONES", "")  # put back at the end
    code, out, err = run("networks", "--model_dir", tmp_path / "absent")
    assert code == 0 and "efficientnet_lite0" in out
    assert f"there is no folder “{tmp_path}/absent”" in err and "--fetch" in err
    assert run("networks", "--model_dir", tmp_path)[2] == ""


@pytest.mark.parametrize("command", [
    ("train", "{pictures}", "--out", "{below}"),
    ("train", "{pictures}", "--output_labels", "{below}"),
    ("train", "{pictures}", "--output_graph", "{below}"),
    ("train", "{pictures}", "--summaries_dir", "{below}"),
    ("train", "{pictures}", "--save"),
    ("prepare", "{pictures}", "--out", "{below}"),
    ("suggest", "{pictures}", "--out", "{below}"),
    ("label", "{pictures}", "--explain", "{below}"),
    ("export", "decor-style", "--out", "{below}"),
])  # fmt: skip
def test_what_cannot_be_written_is_told_before_the_work(
    refused, painted, photo, monkeypatch, command
):
    """Nothing of the pictures is read: the only line is that of the error."""
    monkeypatch.setenv("DECOR_HOME", str(photo))
    places = {"pictures": painted, "below": photo / "below"}
    told = refused(*(word.format(**places) for word in command))
    assert str(photo) in told and "cannot be written" in told


def test_an_empty_path_is_a_variable_that_is_not_set(run, photo, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for command in (("label", ""), ("label", photo, "--out", ""), ("train", ""), ("suggest", ""),
                    ("embed", "", "--out", "v.parquet"), ("import", "")):  # fmt: skip
        code, out, err = run(*command)
        assert (code, out) == (2, "") and "expected a path, but got an empty text" in err


@pytest.mark.parametrize(("content", "name", "told"), [
    (PICTURE + bytes(64), "photo.png", "is a picture; expected a folder or archive"),
    (b"file,label\na.png,Iznik\n", "labels.csv", "is a table; expected a folder or archive"),
    (b"", "pictures.zip", "is empty (0 bytes); expected a folder or archive"),
])  # fmt: skip
def test_one_file_of_a_data_set_is_no_data_set(refused, tmp_path, content, name, told):
    (tmp_path / name).write_bytes(content)
    assert told in refused("check", tmp_path / name)
    assert told in refused("train", "--csv", tmp_path / "x.csv", "--images", tmp_path / name)


@pytest.mark.parametrize(("command", "told"), [
    (("train", "--testing_percentage", 95), "together less than 100; they are 95 and 10"),
    (("train", "--taxonomy", "maker"), "no taxonomy “maker”"),
    (("evaluate", "--taxonomy", "maker"), "no taxonomy “maker”"),
    (("sweep", "--taxonomy", "maker"), "no taxonomy “maker”"),
    (("evaluate", "--folds", 1), "but got “1”"),
    (("sweep", "--learning_rate", ","), "at least one value"),
    (("sweep", "--head", ""), "at least one value"),
])  # fmt: skip
def test_settings_that_make_no_sense_are_told_before_pictures_are_embedded(
    run, painted, monkeypatch, command, told
):
    monkeypatch.setattr("decor_core.training.region.embed", None)
    code, _, err = run(command[0], painted, *command[1:])
    assert code == 2 and told in err
