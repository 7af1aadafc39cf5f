"""Flags that were given by hand and change nothing."""

from typing import Any

from absl import flags

from sfp_keras.command.preset import names as preset_names
from sfp_keras.command.preset import read as read_preset
from sfp_keras.data import find_source
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment, all_declarations
from sfp_keras.workflows.committee.directory import holds_committee
from sfp_keras.workflows.sweep.plan import holds_sweep

# A sweep or a committee has measured already what its report shows.
_OF_RUNS = ("report_filters", "report_stages", "split", "threshold")
# What heads that are trained for a measurement of all stages are like.
_OF_STAGE_MONITOR = ("monitor_stages_epochs", "monitor_stages_images")
# Members of a committee are what they are.
_OF_COMMITTEES = (
    *("mode", "members", "run_dir", "backend", "distribute", "preset"),
    *("data_dir", "memory_gib", "inference_batch_size", "at_chance"),
)
# AFCC of a head and of links take their clusters alike.
_OF_BOTH = ("afcc_split", "afcc_thresholds")
# Of settings that only some trainings of links read: their `used`, and what asks for these.
_ASKED_BY = {
    "fine_tunes_links": "trained in --afcc_links_start",
    "trains_links_from_scratch": "scratch in --afcc_links_start",
    "draws_labels_of_links": "random_afcc in --afcc_links_variants",
}


def check_images(values: flags.FlagValues) -> None:
    """Refuse images of the user's that no source reads, for none was named: all else is of others.

    Args:
        values: parsed flags with those of the preset.

    Raises:
        InputError: if `--data_dir` was given, `--dataset` was not, and the usual one needs none.
    """
    named = (
        values["dataset"].present
        or values["preset"].present
        or values.mode in ("report", "committee")
    )
    unread = values["data_dir"].present and "data_dir" in find_source(values.dataset).unused
    if unread and not named:
        raise InputError(
            f"--data_dir={values.data_dir}: say by --dataset what is there: folder (a folder of "
            f"images for each class), cifar10, arrays, ..., or leave it out for {values.dataset}"
        )


def notes(values: flags.FlagValues, experiment: Experiment) -> list[str]:
    """A line for flags without effect in an experiment, or in the report of what it has.

    Args:
        values: parsed flags.
        experiment: `Experiment` that they describe.
    """
    if experiment.run.mode == "committee":
        given = [name for name in all_declarations() if values[name].present]
        idle = [name for name in given if name not in _OF_COMMITTEES]
        return [f"{_listed(idle)} without effect for a committee"] if idle else []
    given = _given(values, experiment)
    lines = []
    known = all_declarations()
    idle = [
        name
        for name in given
        if name in experiment.idle and known[name].setting.used not in _ASKED_BY
    ]
    if idle:
        lines.append(f"{_listed(idle)} without effect for {experiment.kind}")
    lines += _of_other_modes(given, experiment)
    lines += _of_other_afcc(given, experiment)
    of_stages = [name for name in given if name in _OF_STAGE_MONITOR]
    if of_stages and not experiment.monitoring.stages_every:
        lines.append(f"{_listed(of_stages)} without effect without --monitor_stages_every")
    if experiment.run.mode == "report":
        kinds = {"sweep": holds_sweep, "committee": holds_committee}
        shown = [name for name in _OF_RUNS if values[name].present]
        for kind, holds in kinds.items():
            if shown and holds(experiment.directory):
                lines.append(f"{_listed(shown)} without effect for the report of a {kind}")
    return lines


def _given(values: flags.FlagValues, experiment: Experiment) -> list[str]:
    """Flags that were given by hand and say something else than they do anyway."""
    plain, preset = Experiment(), experiment.run.preset
    # The command that a run keeps repeats its preset's flags.
    usual = read_preset(preset) if preset in preset_names() else {}
    return [
        name
        for name in sorted(all_declarations())
        if values[name].present
        and experiment.value(name) != plain.value(name)
        and not (name in usual and values[name].value == _parsed(values[name], usual[name]))
    ]


def _parsed(flag: flags.Flag, text: str | list[str]) -> Any:
    """A preset's text as the value of a flag."""
    parse = flag.parser.parse
    return [parse(one) for one in text] if isinstance(text, list) else parse(text)


def _of_other_modes(given: list[str], experiment: Experiment) -> list[str]:
    known, others = all_declarations(), dict[tuple[str, ...], list[str]]()
    for name in given:
        if not experiment.reads(name):
            others.setdefault(known[name].setting.modes, []).append(name)
    return [
        f"{_listed(names)} without effect but for {' or '.join(f'--mode={one}' for one in modes)}"
        for modes, names in others.items()
    ]


def _of_other_afcc(given: list[str], experiment: Experiment) -> list[str]:
    """AFCC is of a head or of links, and most settings of both have a twin."""
    if experiment.run.mode != "afcc":
        return []
    known = all_declarations()
    of_afcc = [name for name in given if known[name].topic == "afcc"]
    of_links = [name for name in of_afcc if known[name].path[1] == "links"]
    if not experiment.zeroes_links:
        idle, why = of_links, "without --afcc_links, which names the links"
    else:
        idle = [name for name in of_afcc if name not in of_links and name not in _OF_BOTH]
        why = "with --afcc_links, whose own flags begin with --afcc_links_"
    lines = [f"{_listed(idle)} without effect {why}"] if idle else []
    return lines + (_of_other_trainings(of_links, experiment) if experiment.zeroes_links else [])


def _of_other_trainings(of_links: list[str], experiment: Experiment) -> list[str]:
    unread = {
        asked: [
            name
            for name in of_links
            if name in experiment.idle and all_declarations()[name].setting.used == used
        ]
        for used, asked in _ASKED_BY.items()
    }
    return [
        f"{_listed(names)} without effect, for it needs {asked}"
        for asked, names in unread.items()
        if names
    ]


def _listed(names: list[str]) -> str:
    return ", ".join(f"--{name}" for name in names)
