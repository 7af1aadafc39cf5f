"""Phase 3: every filter alone, in one pass over the images for all stages."""

from collections.abc import Mapping
from typing import Any

from sfp_keras.checkpoints import PassCheckpoint
from sfp_keras.files import file_digest
from sfp_keras.probing import (
    Accumulator,
    DecisionsAccumulator,
    FieldsAccumulator,
    measure_stages,
    spread_filters,
)
from sfp_keras.reports import terminal
from sfp_keras.runs import stage_results
from sfp_keras.workflows.session import ProbeSession


def measure_filters(session: ProbeSession) -> None:
    """Measure what is asked for and was not measured yet, on each split."""
    for split in session.splits:
        _measure(session, split)
        if session.experiment.analysis.decisions:
            _print_decisions(session, split)


def _measure(session: ProbeSession, split: str) -> None:
    run, phase = session.run, f"fields-{split}"
    wanted = {stage.name: _missing(session, stage.name, split) for stage in session.stages}
    accumulators = {name: kinds for name, kinds in wanted.items() if kinds}
    if accumulators:
        kinds = list(dict.fromkeys(name for of in accumulators.values() for name in of))
        with run.timed("analysis"):
            found = measure_stages(
                session.cut([stage for stage in session.stages if stage.name in accumulators]),
                {name: session.head(name) for name in accumulators},
                session.batches(" and ".join(kinds), split),
                accumulators,
                _checkpoint(session, split, accumulators),
            )
            for name, results in found.items():
                _write(session, name, split, results)
    run.delete_checkpoints(phase)


def _missing(session: ProbeSession, stage: str, split: str) -> dict[str, type[Accumulator]]:
    """What is asked for at a stage and has no results yet."""
    files = session.run.stage(stage).split(split)
    wanted: dict[str, type[Accumulator]] = {}
    if not files.fields.exists():
        wanted["fields"] = FieldsAccumulator
    if session.experiment.analysis.decisions and not files.decisions.exists():
        wanted["decisions"] = DecisionsAccumulator
    return wanted


def _checkpoint(
    session: ProbeSession, split: str, accumulators: Mapping[str, Mapping[str, Any]]
) -> PassCheckpoint:
    run, names = session.run, list(accumulators)
    of_pass = [
        split,
        {name: file_digest(run.stage(name).head) for name in names},
        {name: session.stage_settings[name] for name in names},
        {name: list(kinds) for name, kinds in accumulators.items()},
    ]
    file = run.checkpoint(f"fields-{split}", names)
    return PassCheckpoint(file, run.plan.digest("fields", of_pass))


def _write(session: ProbeSession, stage: str, split: str, found: Mapping[str, Any]) -> None:
    """Write the results of a pass at a stage."""
    run = session.run
    if "fields" in found:
        stage_results.write_fields(run, stage, split, found["fields"])
    if "decisions" in found:
        measured = found.get("fields") or session.measurement(stage, split)
        decisions = found["decisions"].count(spread_filters(measured.fields))
        stage_results.write_decisions(run, stage, split, decisions)


def _print_decisions(session: ProbeSession, split: str) -> None:
    """A line a stage: how single filters decide, on average."""
    console = terminal()
    for stage in session.stages:
        decisions = stage_results.read_decisions(session.run, stage.name, split)
        active = decisions.by_input.sum(1) > 0
        if not active.any():
            console.print(f"decisions of {stage.name}: no filter responds to the {split} images")
            continue
        accuracy = decisions.accuracy_of_active[active]
        console.print(
            f"decisions of {stage.name} on {decisions.inputs:,} {split} images: a filter alone is "
            f"right in {accuracy.mean():.3f} of those it responds to (best {accuracy.max():.3f}, "
            f"chance {1 / len(decisions.label_counts):.3f}) and gives its favourite label to "
            f"{decisions.share_of_favourite[active].mean():.3f} of them"
        )
