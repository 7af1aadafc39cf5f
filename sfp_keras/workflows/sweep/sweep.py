"""`--mode=sweep`: the whole procedure for several labels (paper 2, Fig. 3-5) or widths, and seeds.

Every member is a process of its own, the ordinary command: what it took of the memory of host and
device is free again, and where one crashes the others go on. Several sweeps may work in one folder.
"""

import contextlib
import re
import time
from pathlib import Path

import numpy as np

from sfp_keras.data import count_labels, source_digest
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.progress import duration
from sfp_keras.reports import terminal
from sfp_keras.runs import RunFiles, in_use
from sfp_keras.settings import LABELS, WIDTHS, SweepAxis
from sfp_keras.workflows.inputs.images import reading
from sfp_keras.workflows.sweep.directory import SweepDirectory
from sfp_keras.workflows.sweep.member_process import run_member, stopped_by_signals
from sfp_keras.workflows.sweep.plan import SweepPlan
from sfp_keras.workflows.sweep.report import sweep_report

# Seconds between two looks at members that other processes work on.
PATIENCE = 2.0


def sweep(plan: SweepPlan) -> None:
    """Probe every member that is not finished, then read all of them together.

    Args:
        plan: `SweepPlan`.

    Raises:
        InputError: if the plan cannot work, a member refuses its flags, or members crashed.
    """
    base = plan.base
    _check_trained(plan)
    _check_stage(base)
    folder = SweepDirectory(sweep_folder(base))
    with reading(base.data.data_dir):
        members = _placed(plan, folder.path)
        folder.prepare()
        images = source_digest(base.data.dataset, base.data.data_dir)
    folder.record(base, members, images, plan.command)
    console = terminal()
    console.print(f"sweep: {len(members)} members in {folder.path}")
    with stopped_by_signals():
        crashed = _run_all(folder, members, plan)
    some = len(crashed) < len(members)
    if some:
        sweep_report(folder.path)
        _note_splits(base)
    if crashed:
        without = ", and the tables are without" if some else ""
        raise InputError(f"{', '.join(crashed)} crashed{without}; the same command tries again")


def _note_splits(base: Experiment) -> None:
    first, *others = base.analysis.split
    if others:
        of = " and ".join(others)
        terminal().print(f"note: these tables are of {first} images; those of {of} are in the runs")


def sweep_folder(base: Experiment) -> Path:
    """`run_dir`, or runs/<model>-<dataset>-sweep, or -widths."""
    axis = base.sweep.axis
    folder = base.changed(**{axis.setting: None}, seed=0).directory
    if base.run.run_dir:
        return folder
    return folder.with_name(re.sub(r"seed0$", axis.folder, folder.name))


def _check_trained(plan: SweepPlan) -> None:
    axis, members = plan.axis, plan.members
    if plan.base.trains or len({member.value(axis.setting) for member in members}) == 1:
        return
    network = plan.base.network
    given = f"`weights`={network.weights}" if network.weights else f"`model`={network.model}"
    raise InputError(
        f"`{axis.values}` trains a network for every {axis.column}, but {given} is trained "
        f"already; leave out `{axis.values}` to sweep over `sweep_seeds` alone"
    )


def _check_stage(base: Experiment) -> None:
    """Refuse a wrong `sweep_stage` before hours of work, where the stages are known."""
    stages = base.network.stages or base.stage_names
    names = [name.replace("/", ".") for name in stages]
    if base.sweep.stage and names and base.sweep.stage not in names:
        raise InputError(
            f"`sweep_stage`={base.sweep.stage} is none of the probed stages {', '.join(names)}"
        )


def _placed(plan: SweepPlan, folder: Path) -> dict[str, Experiment]:
    """The members, each in its folder, named k<K>-seed<S> or w<width>-seed<S>."""
    base, axis = plan.base, plan.axis
    known = count_labels(
        base.data.dataset, base.data.data_dir, base.data.class_names, base.data.only_split
    )
    placed = {}
    for member in plan.members:
        labels = known if member.data.labels is None else member.data.labels
        if labels > known:
            setting = "sweep_labels" if base.sweep.labels else "labels"
            raise InputError(
                f"`{setting}`: {labels} is more than the {known} labels of {base.data.dataset}"
            )
        if axis is LABELS:
            member = member.changed(labels=labels)
        name = axis.member(member.value(axis.setting), member.run.seed)
        placed[name] = member.changed(run_dir=str(folder / name))
        if labels == known:
            placed[name] = _as_begun(placed[name])
    return placed


def _as_begun(member: Experiment) -> Experiment:
    """A member of all labels with the seed of labels it was begun with, which draws none."""
    with contextlib.suppress(InputError):  # The report names a record that is damaged.
        before = RunFiles(member.directory).record.read().get("flags", {}).get("subset_seed")
        if isinstance(before, int):
            return member.changed(subset_seed=before)
    return member


def _run_all(folder: SweepDirectory, members: dict[str, Experiment], plan: SweepPlan) -> list[str]:
    """Run every member, here or in another process; returns the names of those that crashed."""
    console = terminal()
    number = {name: i for i, name in enumerate(members, 1)}
    open_, crashed, waiting = list(members), [], None
    while open_:
        before = len(open_)
        for name in list(open_):
            member = members[name]
            with folder.claimed(name) as claim:
                if claim is None:
                    continue
                if not folder.is_finished(member, claim):
                    console.print(
                        f"\nmember {number[name]} of {len(members)}: {name}"
                        f"{_preset(member)}{_time_left(members, open_, plan.axis)}",
                        style="bold",
                    )
                    code, error = run_member(plan.program, member, claim.fileno())
                    if code == 2 and in_use(member.directory):
                        continue  # An ordinary command was quicker.
                    if code == 2:
                        raise InputError(f"{name}: {error}")
                    if code:
                        crashed.append(name)
                        why = f": {error}" if error else ""
                        console.print(f"{name} crashed (exit code {code}){why}; the others go on")
                    else:
                        folder.finish(member, claim)
                open_.remove(name)
        if open_ and len(open_) == before:
            if waiting != open_:
                waiting = list(open_)
                console.print(f"waiting for other processes: {', '.join(open_)}")
            time.sleep(PATIENCE)
    return crashed


def _preset(member: Experiment) -> str:
    return f", preset {member.run.preset}" if member.run.preset else ""


def _time_left(members: dict[str, Experiment], open_: list[str], axis: SweepAxis) -> str:
    """How long the members that are left take alone, by the seconds of the finished ones."""
    spent = []
    for name in members:
        # The report names a record that is damaged; it costs no member its time.
        with contextlib.suppress(InputError):
            record = {} if name in open_ else RunFiles(members[name].directory).record.read()
            seconds = sum(record.get("seconds", {}).values())
            if seconds:
                spent.append((members[name].value(axis.setting), seconds))
    left = [members[name].value(axis.setting) for name in open_]
    if not spent:
        return ""
    return f"; {len(open_)} left, about {duration(expected_seconds(spent, left, axis))}"


def expected_seconds(spent: list[tuple[int, float]], left: list[int], axis: SweepAxis) -> float:
    """The seconds that members take together.

    Args:
        spent: what each finished member has of the axis, and its seconds.
        left: what each of the others has of the axis.
        axis: `SweepAxis`.

    Returns:
        `float`. Images, and so seconds, grow with the labels. Kernels grow with the square of the
        width, but reading images and starting does not, which two widths tell apart; one width
        stands for others in proportion.
    """
    if axis is WIDTHS and len({value for value, _ in spent}) > 1:
        squares, seconds = np.array([(value**2, taken) for value, taken in spent], float).T
        deviations = squares - squares.mean()
        slope = max(0.0, float(deviations @ seconds / (deviations @ deviations)))
        start = max(0.0, float(seconds.mean() - slope * squares.mean()))
        return sum(start + slope * value**2 for value in left)
    return sum(taken for _, taken in spent) / sum(value for value, _ in spent) * sum(left)
