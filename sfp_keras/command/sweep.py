"""The members of a sweep: the same flags with other labels and seeds, and the preset of each."""

import copy
import sys
from collections.abc import Callable
from typing import Any

from absl import flags

from sfp_keras.command.place import CHECKOUT
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment, all_declarations, program, typed
from sfp_keras.workflows.sweep.plan import SweepPlan

# As a member's process is started.
_PROGRAM = (str(CHECKOUT / "main.py"),) if CHECKOUT else ("-m", "sfp_keras")
_OWN = {"mode": "probe", "run_dir": None, "sweep_labels": [], "sweep_seeds": ["0"]}


def plan(values: flags.FlagValues, build: Callable[[flags.FlagValues], Experiment]) -> SweepPlan:
    """Read a sweep from the flags.

    Args:
        values: parsed flags that no preset was applied to; they stay as they are.
        build: makes an `Experiment` of flags, with the preset of their number of labels.

    Returns:
        A `SweepPlan`; seed after seed, each from few labels to many.

    Raises:
        InputError: if flags contradict one another.
    """
    _check(values)
    counts = sorted(int(text) for text in values.sweep_labels) or [values.labels]
    seeds = sorted(int(text) for text in values.sweep_seeds)
    members = []
    for seed in seeds:
        for labels in counts:
            more = {} if labels is None else {"labels": labels}
            members.append(build(_with(values, seed=seed, subset_seed=seed, **more, **_OWN)))
    base = build(_with(values, seed=0, subset_seed=0, labels=None))
    return SweepPlan(base, tuple(members), (sys.executable, *_PROGRAM), _command(values))


def _check(values: flags.FlagValues) -> None:
    if values.sweep_labels and values["labels"].present:
        raise InputError(
            f"--labels={values.labels} and --sweep_labels={','.join(values.sweep_labels)}: give "
            "only one of them"
        )
    if not values.sweep_seeds:
        raise InputError("--sweep_seeds is empty; give at least one seed, as in 0,1,2")
    for name in ("seed", "subset_seed"):
        if values[name].value:
            raise InputError(
                f"--{name}={values[name].value}: every member of a sweep has its own; use "
                "--sweep_seeds"
            )
    if values.overwrite is not None:
        raise InputError(
            f"--overwrite={values.overwrite} is not for sweeps; choose another --run_dir, or "
            "delete the folders of the members to redo"
        )


def _with(values: flags.FlagValues, **changed: Any) -> flags.FlagValues:
    """A copy of the flags, some of them as if given by hand."""
    copied = copy.deepcopy(values)
    for name, value in changed.items():
        setattr(copied, name, value)
    return copied


def _command(values: flags.FlagValues) -> str:
    """The flags given by hand, as a command: others differ between members."""
    given = [values[name] for name in all_declarations() if values[name].present]
    return typed(program(), [text for flag in given for text in flag.serialize().split("\n")])
