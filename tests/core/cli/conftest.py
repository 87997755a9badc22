"""Running commands in this process."""

import shutil

import pytest

from decor_core.cli.main import main
from decor_core.model.bundle import save_bundle
from decor_core.runs.run import run_of_training
from decor_core.runs.store import DiskRuns


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Runs of a test are kept where nobody else looks."""
    monkeypatch.setenv("DECOR_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def run(capfd):
    """Runs a command in this process: exit code, standard output, standard error."""

    def run(*arguments):
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return code, *capfd.readouterr()

    return run


@pytest.fixture
def refused(run):
    """Runs a command that must fail with one line on standard error; gives that line."""

    def refused(*arguments):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "") and err.startswith("decor: ") and err.count("\n") == 1
        return err

    return refused


@pytest.fixture(scope="session")
def model(training, tmp_path_factory):
    """The folder of the trained model."""
    return save_bundle(training.bundle, tmp_path_factory.mktemp("models") / "painted")


@pytest.fixture
def kept(training):
    """A kept run called “Painted”."""
    return DiskRuns().save(run_of_training(training, "painted", seconds=1.25))


@pytest.fixture
def messy(painted, tmp_path, ornament):
    """A copy of the painted pictures with one of each fault."""
    folder = tmp_path / "messy"
    shutil.copytree(painted, folder)
    (folder / "Iznik" / "torn.png").write_bytes((folder / "Iznik" / "200.png").read_bytes()[:90])
    (folder / "Iznik" / "letter.docx").write_bytes(b"PK")
    shutil.copy(folder / "Gzhel" / "001.png", folder / "Gzhel" / "copy.png")
    shutil.copy(folder / "Gzhel" / "002.png", folder / "Khokhloma" / "conflict.png")
    shutil.move(folder / "Gzhel" / "003.png", folder / "Iznik" / "moved.png")
    (folder / "Empty").mkdir()
    (folder / "stray.png").write_bytes((folder / "Gzhel" / "004.png").read_bytes())
    ornament(999, "orange").save(folder / "gzhel.png")
    (folder / "gzhel").mkdir()
    (folder / "gzhel.png").rename(folder / "gzhel" / "only.png")
    return folder
