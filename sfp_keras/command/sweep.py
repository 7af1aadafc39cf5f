"""The members of a sweep: the same flags with other values and seeds, and the preset of each."""

import copy
import sys
from collections.abc import Callable
from typing import Any

from absl import flags

from sfp_keras.command.place import CHECKOUT
from sfp_keras.errors import InputError, arguments_called
from sfp_keras.experiment import Experiment, all_declarations, program, typed
from sfp_keras.settings import LABELS, SWEEP_AXES, WIDTHS, SweepAxis
from sfp_keras.workflows.sweep.plan import SweepPlan

# As a member's process is started.
_PROGRAM = (str(CHECKOUT / "main.py"),) if CHECKOUT else ("-m", "sfp_keras")
_OWN = {
    **{"mode": "probe", "run_dir": None, "sweep_seeds": ["0"], "sweep_stage": None},
    **{axis.values: [] for axis in SWEEP_AXES.values()},
}


def plan(values: flags.FlagValues, build: Callable[[flags.FlagValues], Experiment]) -> SweepPlan:
    """Read a sweep from the flags.

    Args:
        values: parsed flags that no preset was applied to; they stay as they are.
        build: makes an `Experiment` of flags, with the preset of their number of labels.

    Returns:
        A `SweepPlan`; seed after seed, each from few labels to many, or from narrow to wide.

    Raises:
        InputError: if flags contradict one another.
    """
    axis = _axis(values)
    _check(values, axis)
    own = values[axis.setting].value
    wanted = sorted(int(text) for text in values[axis.values].value) or [own]
    seeds = sorted(int(text) for text in values.sweep_seeds)
    members = []
    for seed in seeds:
        for value in wanted:
            more = {} if value is None else {axis.setting: value}
            member = build(_with(values, seed=seed, subset_seed=seed, **more, **_OWN))
            # Where no labels are drawn, a member would note that it has no effect.
            members.append(member if member.draws_labels else member.changed(subset_seed=0))
    base = build(_with(values, seed=0, subset_seed=0, **{axis.setting: None}))
    with arguments_called(**{axis.setting: axis.values}):
        members[0].check_options()
    return SweepPlan(base, tuple(members), (sys.executable, *_PROGRAM), _command(values))


def _axis(values: flags.FlagValues) -> SweepAxis:
    """What members differ in: the labels, unless other values are given."""
    given = [axis for axis in SWEEP_AXES.values() if values[axis.values].value]
    if len(given) > 1:
        listed = [f"--{axis.values}={','.join(values[axis.values].value)}" for axis in given]
        raise InputError(f"{' and '.join(listed)}: give only one of them")
    return given[0] if given else LABELS


def _check(values: flags.FlagValues, axis: SweepAxis) -> None:
    for one in SWEEP_AXES.values():
        if values[one.values].present and not values[one.values].value:
            raise InputError(f"--{one.values} is empty; give a {one.each}, or leave it out")
    several = values[axis.values].value
    first = [text for text in values.filters if text.startswith("1:")]
    if axis is WIDTHS and first:
        raise InputError(
            f"--filters={first[0]}: --{axis.values} says the filters of layer 1; leave it out"
        )
    if several and values[axis.setting].present:
        raise InputError(
            f"--{axis.setting}={values[axis.setting].value} and "
            f"--{axis.values}={','.join(several)}: give only one of them"
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
