"""Phase 3: every filter alone, in one pass over the images for all stages."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from sfp_keras.analyses import ImagePass, image_passes, read_image_result, write_image_result
from sfp_keras.checkpoints import PassCheckpoint
from sfp_keras.files import file_digest
from sfp_keras.probing import (
    Accumulator,
    FieldsAccumulator,
    FurtherHeadsAccumulator,
    ProbedStage,
    measure_stages,
)
from sfp_keras.reports import terminal
from sfp_keras.runs import stage_results
from sfp_keras.runs.further_heads import write_further_correct
from sfp_keras.workflows.session import ProbeSession

# What the accuracies of further heads are called in the progress of a pass.
_FURTHER = "further heads"


def measure_filters(session: ProbeSession) -> None:
    """Measure what is asked for and was not measured yet, on each split."""
    _keep_kinds(session)
    for split in session.splits:
        _measure(session, split)
        for name, needs in session.image_passes.items():
            _print_summaries(session, split, name, needs)


def _keep_kinds(session: ProbeSession) -> None:
    """Keep the order of stages, and what their filters are where they are not those of a map."""
    _merge(session, "stage_order", {one.name: session.depths[one.path] for one in session.stages})
    _merge(session, "kinds", session.kinds)
    heads = {stage.name: session.attention_heads(stage) for stage in session.stages}
    _merge(session, "attention_heads", heads)


def _merge(session: ProbeSession, name: str, of_stages: Mapping[str, str | int | None]) -> None:
    """Keep a result of stages beside that of other stages."""
    record = session.run.record
    before = record.results.get(name, {})
    now = {**before, **of_stages}
    now = {stage: value for stage, value in now.items() if value not in ("filter", None)}
    if now != before:
        record.add_results(**{name: now})


def _measure(session: ProbeSession, split: str) -> None:
    run, phase = session.run, f"fields-{split}"
    wanted = {stage.name: _missing(session, stage.name, split) for stage in session.stages}
    accumulators = {name: kinds for name, kinds in wanted.items() if kinds}
    if accumulators:
        # A kill may have come while the results of one pass were written.
        together = {name: _missing(session, name, split, anew=True) for name in wanted}
        if _checkpoint(session, split, together).read():
            accumulators = together
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


def _missing(
    session: ProbeSession, stage: str, split: str, anew: bool = False
) -> dict[str, Callable[[ProbedStage], Accumulator]]:
    """What is asked for at a stage and has no results yet, or all of it."""
    files = session.run.stage(stage).split(split)
    wanted: dict[str, Callable[[ProbedStage], Accumulator]] = {}
    if anew or not files.fields.exists():
        wanted["fields"] = FieldsAccumulator
    for name, needs in session.image_passes.items():
        if anew or not files.image_result(name).exists():
            wanted[name] = needs.accumulator
    kernels = session.further_kernels(stage, split, anew)
    if kernels:
        wanted[_FURTHER] = functools.partial(FurtherHeadsAccumulator, kernels=kernels)
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
    further = [name for name, kinds in accumulators.items() if _FURTHER in kinds]
    if further:
        of_pass.append({name: file_digest(run.stage(name).further_heads) for name in further})
    file = run.checkpoint(f"fields-{split}", names)
    return PassCheckpoint(file, run.plan.digest("fields", of_pass))


def _write(session: ProbeSession, stage: str, split: str, found: Mapping[str, Any]) -> None:
    """Write the results of a pass at a stage."""
    run = session.run
    if "fields" in found:
        stage_results.write_fields(run, stage, split, found["fields"])
    if _FURTHER in found:
        write_further_correct(run, stage, split, found[_FURTHER])
    fields = (found.get("fields") or session.measurement(stage, split)).fields
    for name, needs in image_passes().items():
        if name not in found:
            continue
        result = needs.finish(found[name], fields)
        write_image_result(run.stage(stage).split(split).image_result(name), needs, result)


def _print_summaries(session: ProbeSession, split: str, name: str, needs: ImagePass) -> None:
    """A line a stage: what was found, on average."""
    console, images = terminal(), len(session.images(split))
    for stage in session.stages:
        path = session.run.stage(stage.name).split(split).image_result(name)
        result = needs.summary(read_image_result(path, needs))
        console.print(f"{name} of {stage.name} on {images:,} {split} images: {result}")
