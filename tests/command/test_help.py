"""What the command says of itself, and of flags that it cannot read."""

import configparser
import re
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from absl import flags
from absl.testing import flagsaver

import sfp_keras
from sfp_keras import command
from sfp_keras.command.help import MATTER, full_help, topics
from sfp_keras.command.parsing import parsed
from sfp_keras.experiment import all_declarations


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Callable[[str], tuple[int, str]]:
    """The exit code of the command with a flag that it does not run, and what it printed."""

    def run(argument: str) -> tuple[int, str]:
        with flagsaver.flagsaver(), pytest.raises(SystemExit) as ended:
            parsed(["sfp-keras", argument])
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out + printed.err

    return run


@pytest.mark.parametrize("flag", ["--help", "--helpshort", "-?"])
def test_help_shows_the_flags_that_matter(flag: str, shown: Callable) -> None:
    code, text = shown(flag)
    assert code == 0
    assert tuple(re.findall(r"^  --(?:\[no\])?(\w+)", text, re.MULTILINE)) == MATTER
    assert "--helpfull" in text
    assert len(text.splitlines()) < 60


def test_the_full_help_has_every_flag_once_by_topic(shown: Callable) -> None:
    code, text = shown("--helpfull")
    assert code == 0
    listed = re.findall(r"^  --(?:\[no\])?(\w+)", text, re.MULTILINE)
    assert sorted(listed) == sorted({flags.FLAGS[name].name for name in flags.FLAGS})
    ours = [all_declarations()[name].topic for name in listed if name in all_declarations()]
    assert list(dict.fromkeys(ours)) == topics()
    assert ours == sorted(ours, key=topics().index)
    assert listed[: len(ours)] == [name for name in listed if name in all_declarations()]


def test_the_topics_are_in_the_order_of_the_procedure() -> None:
    titles = re.findall(r"^(\w[\w' ]*): ", full_help(), re.MULTILINE)
    wanted = ["data", "network", "training", "heads", "fields", "afcc", "ablate", "sweep"]
    assert [title for title in titles if title in wanted] == wanted
    assert titles[-2:] == ["run", "absl's own"]


def test_the_version(shown: Callable) -> None:
    assert shown("--version") == (0, f"sfp-keras {sfp_keras.__version__}\n")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--modell=x", "there is no flag --modell; did you mean --model"),
        ("--mode=prob", "--mode=prob must be one of probe, train, .*; did you mean probe?"),
        ("--split=x,y", "--split=x,y must be one or more of test, train, each once"),
        ("--epochs=many", "--epochs=many must be a whole number"),
        ("--lr=fast", "--lr=fast must be a number"),
        ("--lr=-1", "--lr=-1.0 must be at least 0 and below"),
        ("--sweep_labels=1", "--sweep_labels=1 must be whole numbers of at least 2, each once"),
        ("--flip=maybe", "--flip=maybe must be true or false, or --flip and --noflip alone"),
        ("--flagfile=nowhere", "Unable to open flagfile: .*nowhere"),
    ],
)
def test_a_flag_that_cannot_be_read_is_one_line(
    argument: str, message: str, shown: Callable
) -> None:
    code, text = shown(argument)
    assert code == 2
    assert re.match(f"error: {message}", text), text
    assert text.count("\n") == 1


def test_flagfiles_of_other_editors(tmp_path: Path, shown: Callable) -> None:
    path = tmp_path / "mine.flags"
    for text in ("--epochs=3\n", "# mine\n--epochs=3\n", "\n--epochs=3\n"):
        path.write_text(text, "utf-8-sig")
        with flagsaver.flagsaver():
            assert parsed(["sfp-keras", f"--flagfile={path}"]) == ["sfp-keras"]
            assert flags.FLAGS.epochs == 3
    path.write_text("--epochs=3\n", "utf-16")
    assert shown(f"--flagfile={path}") == (
        2,
        "error: a --flagfile is no text in UTF-8; save it as that\n",
    )


def test_the_program_is_named_as_it_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(script: str) -> str:
        monkeypatch.setattr("sys.argv", [script])
        return sfp_keras.experiment.Experiment().command().split(" --")[0]

    assert started("/venv/bin/sfp-keras") == "sfp-keras"
    assert started("/lib/sfp_keras/__main__.py") == "python -m sfp_keras"
    assert started("main.py") == "python main.py"
    assert started("/lib/pytest/__main__.py") == "python main.py"


def test_an_entry_point_names_the_command() -> None:
    # Not of what is installed, which may be nothing.
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg")
    (line,) = setup["options.entry_points"]["console_scripts"].split("\n")[1:]
    name, value = line.split(" = ")
    assert name == "sfp-keras"
    assert EntryPoint(name, value, "console_scripts").load() is command.run
