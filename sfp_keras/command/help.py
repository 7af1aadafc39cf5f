"""What `--help`, `--helpfull` and `--version` print."""

import dataclasses
import re
import shutil
import sys
import textwrap
import typing
from collections.abc import Callable

from absl import app, flags

from sfp_keras._version import __version__
from sfp_keras.command import preset
from sfp_keras.command.wording import as_flags
from sfp_keras.experiment import Experiment, all_declarations, program
from sfp_keras.settings import Declaration

# What most people need, in the order in which an experiment is thought of.
MATTER = (
    *("mode", "dataset", "data_dir", "labels", "model", "scaling"),
    *("stages", "list_stages", "epochs", "threshold", "preset", "run_dir"),
)
# Topics whose flags and results have another name than their section of the settings.
_TITLES = {"analysis": "fields", "ablation": "ablate"}
_WIDEST = 100


def topics() -> list[str]:
    """The topics of flags in the order of the procedure: the whole run is the last."""
    names = [field.name for field in dataclasses.fields(Experiment)]
    return sorted(names, key=lambda name: name == "run")


def short_help() -> str:
    """What `--help` prints: the purpose, an example, and the flags that matter."""
    known = all_declarations()
    return "\n".join(
        [
            "Single-filter performance of image classifiers: train, probe every stage, read every "
            "filter.\n",
            f"    {program()} --dataset=cifar100 --data_dir=<folder with cifar-100-python>\n",
            *(_described(known[name], known[name].setting.help, short=True) for name in MATTER),
            "",
            "--helpfull lists every flag by topic, --version the version.",
        ]
    )


def full_help(values: flags.FlagValues = flags.FLAGS) -> str:
    """What `--helpfull` prints: every flag by topic, and absl's own.

    Args:
        values: `flags.FlagValues`. Where absl's flags are defined.
    """
    hints = typing.get_type_hints(Experiment)
    parts = []
    for topic in topics():
        title, about = _TITLES.get(topic, topic), _summary(hints[topic])
        of_topic = [one for one in all_declarations().values() if one.topic == topic]
        parts.append(f"{title}: {about}\n")
        parts += [_described(one, one.setting.help + _named(one.name)) for one in of_topic]
        parts.append("")
    known = {*all_declarations(), None}
    own = [values[name] for name in values if name not in known and values[name].name == name]
    parts.append("absl's own: logging, profiling, files of flags\n")
    for flag in own:
        answers = isinstance(flag, Answer)
        spelled = f"--{flag.name}" if answers else _spelled(flag.name, flag.boolean)
        parts.append(_entry(spelled, flag.help or ""))
    return "\n".join(parts)


def _named(flag: str) -> str:
    return f" Presets: {', '.join(preset.names())}." if flag == "preset" else ""


def _summary(section: type) -> str:
    """The first line of a section's docstring, as it stands after a colon."""
    first = (section.__doc__ or "").splitlines()[0]
    return first[:1].lower() + first[1:].rstrip(".")


def _described(one: Declaration, text: str, short: bool = False) -> str:
    """A flag with its help and default, or with the first sentence of the help."""
    text = as_flags(text)
    if short and not one.setting.choices:  # Of choices the help says what each does.
        text = re.split(r"(?<=\.) (?=[A-Z])", text)[0]
    if one.default not in (None, (), False) and "Default:" not in text:
        shown = ",".join(map(str, one.default)) if one.many else one.default
        text += f" Default: {'yes' if shown is True else shown}."
    return _entry(_spelled(one.name, one.kind is bool, _value_of(one)), text)


def _value_of(one: Declaration) -> str:
    kind = {int: "<n>", float: "<x>"}.get(one.kind, "<text>")
    if one.setting.choices:
        kind = "|".join(one.setting.choices)
    return kind if not one.many or one.setting.repeated else f"{kind},..."


def _spelled(name: str, boolean: bool, value: str = "<text>") -> str:
    return f"--[no]{name}" if boolean else f"--{name}={value}"


def _entry(spelled: str, text: str) -> str:
    width = min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
    text = textwrap.fill(text, max(width - 6, 40), break_on_hyphens=False)
    return f"  {spelled}\n{textwrap.indent(text, ' ' * 6)}"


class Answer(flags.BooleanFlag):
    """A flag that prints something and ends the process, well."""

    def __init__(self, name: str, answer: Callable[[], str], help: str, short: str | None = None):
        super().__init__(name, False, help, short_name=short, allow_override=True)
        self._answer = answer

    def parse(self, arg: str | bool | None) -> None:
        """Answer, unless the flag is given as false."""
        if self._parse(arg):
            print(self._answer())
            sys.exit(0)


def define(values: flags.FlagValues = flags.FLAGS) -> None:
    """Define the flags that answer, in place of absl's.

    Args:
        values: `flags.FlagValues`. Where they are defined.
    """
    app.define_help_flags()
    for one in (
        Answer("help", short_help, "Show the flags that matter.", "?"),
        Answer("helpshort", short_help, "As --help."),
        Answer("helpfull", lambda: full_help(values), "Show every flag by topic."),
        Answer("version", lambda: f"sfp-keras {__version__}", "Show the version."),
    ):
        flags.DEFINE_flag(one, values, module_name="flags.help")


define()
