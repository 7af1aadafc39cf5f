"""Flags that were given by hand and change nothing."""

from absl import flags

from sfp_keras.data import find_source
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment, all_declarations
from sfp_keras.settings import SWEEP_AXES
from sfp_keras.workflows.sweep.plan import holds_sweep

# A sweep has measured already what its report shows.
_OF_RUNS = ("report_filters", "report_stages", "split", "threshold")
# Members of a committee are what they are.
_OF_COMMITTEES = (
    *("mode", "members", "run_dir", "backend", "distribute", "preset"),
    *("data_dir", "memory_gib", "inference_batch_size", "at_chance"),
)


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
    """A line for flags without effect in an experiment, for those of sweeps, of a sweep's report.

    Args:
        values: parsed flags.
        experiment: `Experiment` that they describe.
    """
    if experiment.run.mode == "committee":
        given = [name for name in all_declarations() if values[name].present]
        idle = [name for name in given if name not in _OF_COMMITTEES]
        return [f"{_listed(idle)} without effect for a committee"] if idle else []
    plain, lines = Experiment(), []
    idle = [
        name
        for name in sorted(experiment.idle)
        if values[name].present and experiment.value(name) != plain.value(name)
    ]
    if idle:
        lines.append(f"{_listed(idle)} without effect for {experiment.kind}")
    values_of_sweep = [axis.values for axis in SWEEP_AXES.values() if values[axis.values].value]
    if values_of_sweep and experiment.run.mode not in ("sweep", "report"):
        lines.append(f"{_listed(values_of_sweep)} without effect but for --mode=sweep")
    if experiment.run.mode == "report" and holds_sweep(experiment.directory):
        given = [name for name in _OF_RUNS if values[name].present]
        if given:
            lines.append(f"{_listed(given)} without effect for the report of a sweep")
    return lines


def _listed(names: list[str]) -> str:
    return ", ".join(f"--{name}" for name in names)
