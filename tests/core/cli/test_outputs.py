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
def test_a_file_that_should_be_a_folder_is_told_at_once(run, photo, command):
    code, out, err = run(*command, photo)
    assert (code, out) == (2, "") and f"Directory '{photo}' is a file." in err
    assert command[-1] in err


def test_networks_are_looked_for_in_a_folder_that_is_not_there(run, tmp_path, monkeypatch):
    monkeypatch.setenv("DECOR_BACKBONES", "")  # put back at the end
    code, out, err = run("networks", "--model_dir", tmp_path / "absent")
    assert code == 0 and "efficientnet_lite0" in out
    assert f"there is no folder “{tmp_path}/absent”" in err and "--fetch" in err
    assert run("networks", "--model_dir", tmp_path)[2] == ""
