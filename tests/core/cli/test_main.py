"""The command line as a whole: help, usage, exit codes."""

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import fields
from functools import partial
from pathlib import Path

import click
import pytest
from PIL import Image

from decor_core import __version__
from decor_core.cli.main import COMMANDS, commands, main
from decor_core.cli.terminal import progress_bar, suppress_startup_logs
from decor_core.model.training_config import TrainingConfig
from decor_core.runs.store import DiskRuns

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "models" / "samples"


def _all_commands(group=commands, path=()):
    """The path of every command and group, and what it is."""
    context = click.Context(group)
    yield path, group
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _all_commands(command, (*path, name))
        else:
            yield (*path, name), command


ALL = dict(_all_commands())
WITHOUT_JSON = {(), ("runs",), ("app",), ("serve",)}


NUMBERS_AND_CHOICES = click.types.IntParamType, click.types.FloatParamType, click.Choice
PARTICULAR = [
    (path, one.opts[0])
    for path, command in ALL.items()
    for one in command.params
    if isinstance(one.type, NUMBERS_AND_CHOICES)
]


@pytest.mark.parametrize(("path", "flag"), PARTICULAR, ids=str)
def test_a_flag_says_what_it_expected_and_what_came(path, flag, capsys):
    assert main([*path, f"{flag}=1x"]) == 2
    told = capsys.readouterr().err
    assert re.search(rf"'{flag}'.*: expected .+, but got “1x”$", told, re.MULTILINE)


def test_a_range_is_told_in_words(capsys):
    for arguments, expected in {
        ("serve", "--port", "0"): "expected a whole number from 1 to 65535, but got “0”",
        ("evaluate", "--repeats=-2"): "expected a whole number from 1 on, but got “-2”",
        ("label", "a.png", "--engine", "spark"): "expected local or ray, but got “spark”",
    }.items():
        assert main(arguments) == 2
        assert expected in capsys.readouterr().err


@pytest.mark.parametrize("name", ["decor", "python -m decor_core"])
@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_reads_well_and_ends_with_examples(path, name, monkeypatch, capsys):
    program = "/bin/decor" if name == "decor" else str(ROOT / "decor_core" / "__main__.py")
    monkeypatch.setattr(sys, "argv", [program])
    assert main([*path, "--help"]) == 0
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= 80
    assert "None" not in told and "==" not in told
    # Nothing of the list is cut off.
    assert "..." not in told.partition("Commands:")[2].partition("Examples:")[0]
    assert ("--json" in told) == (path not in WITHOUT_JSON)
    examples = told.partition("\nExamples:\n")[2].partition("\n\n")[0].splitlines()
    assert examples
    for example in examples:
        words = shlex.split(example.removeprefix(f"  {name} "))
        depth = 1 + (words[0] == "runs")
        assert tuple(words[:depth])[: len(path)] == path
        parent = click.Context(commands, **commands.context_settings)
        ALL[tuple(words[:depth])].make_context(name, words[depth:], parent=parent)


def test_every_setting_of_a_training_is_a_flag_with_its_help(capsys):
    assert main(["retrain", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for setting in fields(TrainingConfig):
        assert f"--{setting.metadata['flag'] or setting.name} " in told
        assert setting.metadata["help"] in told


def test_help_of_retrain_has_the_flags_of_the_starting_script(capsys):
    assert main(["retrain", "-h"]) == 0
    told = capsys.readouterr().out
    for flag in (
        "image_dir", "how_many_training_steps", "learning_rate", "testing_percentage",
        "validation_percentage", "eval_step_interval", "train_batch_size", "bottleneck_dir",
        "summaries_dir", "model_dir", "output_graph", "output_labels", "architecture",
        "print_misclassified_test_images", "flip_left_right", "random_crop", "random_scale",
        "random_brightness", "bundle", "head", "seed", "csv", "images",
    ):  # fmt: skip
        assert f"--{flag}" in told
    assert "[default: 500]" in told


def test_help_lists_the_commands(capsys):
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    listed = re.findall(r"^  (\w+)  +\w", told, re.M)
    assert listed == list(COMMANDS)
    assert "..." not in told.partition("Commands:")[2]  # nothing is cut off


@pytest.mark.parametrize("command", [one for one in COMMANDS if one != "retrain"])
def test_the_list_says_of_a_command_what_it_says_itself(command, capsys):
    assert main([command, "--help"]) == 0
    assert f"\n\n  {COMMANDS[command]}\n" in capsys.readouterr().out


def test_the_list_of_commands_is_quick():
    code = "import sys; from decor_core.cli.main import main; main(['--help']); print(*sys.modules)"
    told = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, encoding="utf-8")
    assert "numpy" not in told.split()


@pytest.mark.parametrize("arguments", [
    [],
    ["lable"],
    ["label"],
    ["label", "--image", "x.png", "--top", "0"],
    ["label", "--image", "x.png", "--json", "--csv"],
    ["evaluate", "--image_dir", "x", "--repeats", "0"],
    ["retrain", "--image_dir", "x", "--imge_dir", "y"],
    ["retrain", "--image_dir", "x", "--how_many_training_steps", "many"],
])  # fmt: skip
def test_wrong_usage_exits_with_2(arguments, capsys):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and "Usage: decor" in err


def test_pictures_are_named_with_or_without_their_flag(capsys, tmp_path):
    assert main(["check", str(tmp_path / "absent")]) == 2
    told = capsys.readouterr().err
    assert main(["check", "--image_dir", str(tmp_path / "absent")]) == 2
    assert "absent" in told and capsys.readouterr().err == told
    assert main(["check", "a", "--image_dir", "b"]) == 2
    assert "Expected the pictures once" in capsys.readouterr().err


def test_the_version_is_told(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"decor {__version__}\n"


def _completed(monkeypatch, capsys, shell, words):
    """What a shell is told when somebody presses Tab behind ``words``."""
    last = words.split(" ")[-1] if shell == "fish" else str(words.count(" "))
    for name, value in {
        "_DECOR_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": last,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert main([]) == 0
    return capsys.readouterr().out.splitlines()


def test_shells_complete_commands_flags_values_and_files(monkeypatch, capsys):
    help = COMMANDS["train"].removesuffix(".")
    assert _completed(monkeypatch, capsys, "bash", "decor tr") == ["plain,train"]
    kind, word, told = _completed(monkeypatch, capsys, "zsh", "decor tr")
    assert (kind, word) == ("plain", "train") and help.startswith(told.removesuffix("..."))
    (line,) = _completed(monkeypatch, capsys, "fish", "decor tr")
    assert line.startswith("plain,train\tTrain a classifier")
    completed = partial(_completed, monkeypatch, capsys, "bash")
    assert completed("decor train --weight") == ["plain,--weight_decay"]
    assert completed("decor train --head l") == ["plain,logistic", "plain,lda"]
    assert completed("decor export m --format t") == ["plain,tflite"]
    assert completed("decor label ph") == ["file,ph"]
    assert completed("decor check ph") == ["file,ph"]
    assert completed("decor runs show decor-s") == ["plain,decor-style"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_told_how_to_ask(shell, monkeypatch, capsys):
    monkeypatch.setenv("_DECOR_COMPLETE", f"{shell}_source")
    monkeypatch.setattr(sys, "argv", [str(ROOT / "decor_core" / "__main__.py")])
    assert main([]) == 0
    script = capsys.readouterr().out
    assert f"_DECOR_COMPLETE={shell}_complete" in script and "python" not in script
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    assert f"_DECOR_COMPLETE={shell}_source decor" in page
    if program := shutil.which(shell):
        subprocess.run([program, "-c", script], check=True)


def test_errors_fit_the_terminal_and_are_one_line_elsewhere(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    absent = ["label", "photo.jpg", "--bundle", "a folder that is not there"]
    wrong = ["label", "photo.jpg", "--top", "0"]
    monkeypatch.setenv("COLUMNS", "60")
    for arguments in (absent, wrong):
        told = {}
        for stream in (Terminal(), io.StringIO()):
            monkeypatch.setattr(sys, "stderr", stream)
            assert main(arguments) == 2
            told[stream.isatty()] = stream.getvalue()
        assert told[True].split() == told[False].split()
        assert max(map(len, told[True].splitlines())) <= 60
        assert max(map(len, told[False].splitlines())) > 60


def _process(*arguments):
    command = [sys.executable, "-m", "decor_core", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=-1, stderr=-1, encoding="utf-8")


def test_unknown_bundle_is_one_line_and_exit_code_2(tmp_path):
    process = _process("label", "--image", SAMPLES, "--bundle", tmp_path / "absent")
    out, err = process.communicate()
    assert process.returncode == 2 and out == ""
    assert err.count("\n") == 1 and "absent” is no model folder" in err


def test_of_a_picture_with_too_many_pixels_nothing_is_said_but_that(tmp_path):
    Image.new("1", (9500, 9500)).save(tmp_path / "large.png")  # Pillow warns of it
    out, err = _process("label", tmp_path / "large.png").communicate()
    assert "more than the 64 million allowed" in out and err == ""


def test_a_reader_that_has_had_enough_ends_it_quietly(tmp_path):
    for sample in SAMPLES.glob("*.jpg"):
        shutil.copy(sample, tmp_path)
    process = _process("label", "--image", tmp_path)
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == ("", 0)


def test_interrupted_is_said_in_a_line(run, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(DiskRuns, "list", interrupted)
    assert run("runs", "list") == (130, "", "decor: interrupted\n")


def test_a_bug_is_not_told_as_an_error_of_the_user(run, monkeypatch):
    monkeypatch.setattr(DiskRuns, "list", lambda _: None.runs)
    with pytest.raises(AttributeError):
        run("runs", "list")


def test_the_bar_of_a_download_is_seen_where_startup_messages_are_not(monkeypatch, capfd):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with click.Context(commands):
        show = progress_bar("Downloading", of_bytes=True)
        with suppress_startup_logs():
            os.write(2, b"I0000 chatter\n")
            show(1_000_000, 4_000_000)
            show(4_000_000, 4_000_000)
    told = capfd.readouterr().err
    assert "Downloading: 100%" in told and "4.00M/4.00M" in told and "B/s" in told
    assert "chatter" not in told


def test_a_bar_is_for_terminals_only(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream, shown in ((Terminal(), "Reading: 100%"), (io.StringIO(), "")):
        monkeypatch.setattr(sys, "stderr", stream)
        with click.Context(commands):
            show = progress_bar("Reading")
            show(1, 2)
            show(2, 2)
        assert shown in stream.getvalue() and bool(shown) == bool(stream.getvalue())
