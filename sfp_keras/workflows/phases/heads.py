"""Phase 2: a linear head on every frozen stage."""

import contextlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from sfp_keras.checkpoints import TrainingCheckpoint
from sfp_keras.errors import InputError
from sfp_keras.probing import FeatureCache, Head, HeadVariant, Stage, train_head_variants
from sfp_keras.probing.features import head_inputs
from sfp_keras.progress import Progress
from sfp_keras.reports import terminal
from sfp_keras.runs import stage_results
from sfp_keras.runs.further_heads import read_further_heads, write_further_heads
from sfp_keras.workflows.inputs.arguments import training_called
from sfp_keras.workflows.inputs.augmented_images import AugmentedImages, augmented_images
from sfp_keras.workflows.inputs.memory import check_memory
from sfp_keras.workflows.inputs.stage_settings import head_settings
from sfp_keras.workflows.phases.events import heads_monitor
from sfp_keras.workflows.session import ProbeSession


def train_heads(session: ProbeSession) -> None:
    """Train the heads of the stages that have none yet, all together.

    A stage that has the network's own layers as its head gets these.

    Raises:
        InputError: if they do not fit into memory.
    """
    run, further = session.run, session.further_heads
    _take_own(session)
    missing = [stage for stage in session.stages if not run.stage(stage.name).head.exists()]
    begun = [stage for stage in session.trained_stages if stage not in missing]
    on_disk = False
    variants = [HeadVariant(session.experiment.run.seed), *further]
    if missing and _is_begun(session, session.trained_stages, variants):
        # A kill came between the writing of heads that were trained together.
        missing = session.trained_stages
    if missing:
        on_disk = _train(session, missing, variants)
    # Those were trained before so many heads were asked for.
    lacking = {stage.name: _lacking(session, stage) for stage in begun}
    fewer = [stage for stage in begun if lacking[stage.name]]
    if fewer:
        names = set().union(*lacking.values())
        wanted = [variant for variant in further if variant.name in names]
        on_disk = _train(session, fewer, wanted) or on_disk
    _delete_unfinished(session, [stage.name for stage in missing or session.stages], on_disk)


def _is_begun(session: ProbeSession, stages: list[Stage], variants: list[HeadVariant]) -> bool:
    """Whether there is a checkpoint of heads of these stages, trained together."""
    path, description = _checkpoint(session, stages, variants)
    with contextlib.suppress(InputError):
        return path.exists() and TrainingCheckpoint(path, description).load() is not None
    return False


def _checkpoint(
    session: ProbeSession, stages: list[Stage], variants: list[HeadVariant]
) -> tuple[Path, str]:
    """The checkpoint of all heads that are trained together, and what it is of."""
    run, own = session.run, HeadVariant(session.experiment.run.seed)
    of_stages = {stage.name: session.stage_settings[stage.name] for stage in stages}
    further = [variant.name for variant in variants if variant != own]
    depends_on: Any = [of_stages, [variant.name for variant in variants]] if further else of_stages
    return run.checkpoint("heads", [*of_stages, *further]), run.plan.digest("heads", depends_on)


def _take_own(session: ProbeSession) -> None:
    """Write the heads that are the network's own layers."""
    run = session.run
    for name, linear in session.own_heads.items():
        if run.stage(name).head.exists():
            continue
        with run.timed("heads"):
            run.record.add_heads({name: session.stage_settings[name]})
            stage = next(stage for stage in session.stages if stage.name == name)
            shape = session.view(stage).seen[:-1]
            stage_results.write_head(run, name, Head(linear.kernel(), shape, []))
        without = (
            " without their biases, so that its accuracy is not the network's"
            if linear.biases_left_out
            else ""
        )
        alone = "" if session.trained_stages else "; no head is trained"
        terminal().print(f"heads: of {name} the network's own layers behind it{without}{alone}")


def _lacking(session: ProbeSession, stage: Stage) -> set[str]:
    """The further heads that a stage with a head of its own does not have yet."""
    wanted = {variant.name for variant in session.further_heads}
    if not wanted:
        return set()
    shape = session.head(stage.name).kernel.shape
    return wanted - set(read_further_heads(session.run, stage.name, shape))


def _train(session: ProbeSession, stages: list[Stage], variants: list[HeadVariant]) -> bool:
    """Train some heads of stages, and write them; returns whether features went to disk."""
    run, own = session.run, HeadVariant(session.experiment.run.seed)
    settings = {stage.name: session.stage_settings[stage.name] for stage in stages}
    cut = session.cut(stages)
    _check_memory(session, cut, stages, len(variants))
    with run.timed("heads"):
        run.record.add_heads(settings)
        images = (
            augmented_images(session.inputs, cut) if session.experiment.augments_heads else None
        )
        versions = session.experiment.heads.kept_versions
        cache = session.cache_outputs(
            "heads", cut, list(settings), settings, versions=versions, augmented=images
        )
        found = _trained(session, stages, cache, variants, images)
        for stage in stages:
            heads = {variant.name: found[variant][stage.name] for variant in variants}
            first = heads.pop(own.name, None)
            # Of a stage that has its own head, other ones may have been measured: these stay.
            there = run.stage(stage.name).head.exists()
            wanted = _lacking(session, stage) if there else heads
            further = {name: head.kernel for name, head in heads.items() if name in wanted}
            if further:
                write_further_heads(run, stage.name, further)
            if first is not None and not there:
                stage_results.write_head(run, stage.name, first)
    return cache.on_disk


def _trained(
    session: ProbeSession,
    stages: list[Stage],
    cache: FeatureCache,
    variants: list[HeadVariant],
    images: AugmentedImages | None,
) -> Mapping[HeadVariant, Mapping[str, Head]]:
    """The trained heads of each stage."""
    experiment = session.experiment
    names = [stage.name for stage in stages]
    of_stages = {name: session.stage_settings[name] for name in names}
    settings = head_settings(experiment, of_stages)
    new = images if not experiment.heads.kept_versions else None
    own = HeadVariant(experiment.run.seed)
    checkpoint, description = _checkpoint(session, stages, variants)
    with training_called("head_"):
        return train_head_variants(
            cache,
            variants,
            session.dataset.num_labels,
            settings,
            seed=experiment.run.seed,
            checkpoint=checkpoint,
            description=description,
            augmented=(new.cut, new.batches, new.steps) if new else None,
            progress=Progress("heads", outputs=names),
            callbacks=heads_monitor(session, stages, cache) if variants[0] == own else [],
        )


def _check_memory(session: ProbeSession, cut: keras.Model, stages: list[Stage], heads: int) -> None:
    dataset, settings = session.dataset, session.experiment.heads
    rows = len(dataset.test) + settings.kept_versions * len(dataset.train)
    features = head_inputs(cut, [stage.name for stage in stages])
    inputs = {s.name: math.prod(session.view(s).seen) for s in stages}
    check_memory(settings, features, inputs, rows, heads * dataset.num_labels)


def _delete_unfinished(session: ProbeSession, names: list[str], on_disk: bool) -> None:
    """Delete what only unfinished heads need, also where a kill came before this."""
    run = session.run
    others = run.unfinished_heads()
    if others:
        # Other stages, trained together, stopped on the way: they go on from there.
        further = [variant.name for variant in session.further_heads]
        for of in (names, [*names, *further]):
            run.checkpoint("heads", of).unlink(missing_ok=True)
    else:
        run.delete_checkpoints("heads")
    if not session.experiment.heads.keep_cache and (on_disk or not others):
        run.delete_features("heads")
