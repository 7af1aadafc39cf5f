"""Phase 2: a linear head on every frozen stage."""

import math
from collections.abc import Mapping
from typing import Any

import keras

from sfp_keras.data import steps_per_epoch
from sfp_keras.probing import FeatureCache, Head, Stage
from sfp_keras.probing import train_heads as train_on_features
from sfp_keras.probing.features import head_inputs
from sfp_keras.progress import Progress
from sfp_keras.runs import stage_results
from sfp_keras.workflows.inputs.arguments import training_called
from sfp_keras.workflows.inputs.fresh_images import fresh_images
from sfp_keras.workflows.inputs.memory import check_memory
from sfp_keras.workflows.inputs.stage_settings import head_settings
from sfp_keras.workflows.phases.events import heads_monitor
from sfp_keras.workflows.session import ProbeSession


def train_heads(session: ProbeSession) -> None:
    """Train the heads of the stages that have none yet, all together.

    Raises:
        InputError: if they do not fit into memory.
    """
    run = session.run
    missing = [stage for stage in session.stages if not run.stage(stage.name).head.exists()]
    if missing:
        settings = {stage.name: session.stage_settings[stage.name] for stage in missing}
        cut = session.cut(missing)
        _check_memory(session, cut, missing)
        with run.timed("heads"):
            run.record.add_heads(settings)
            cache = session.cache_outputs(
                "heads", cut, list(settings), settings, train=not _augmented(session)
            )
            for name, head in _trained(session, missing, cut, cache).items():
                stage_results.write_head(run, name, head)
    _delete_unfinished(session, [stage.name for stage in missing or session.stages])


def _trained(
    session: ProbeSession, stages: list[Stage], cut: keras.Model, cache: FeatureCache
) -> Mapping[str, Head]:
    """The trained head of each stage."""
    experiment, run, dataset = session.experiment, session.run, session.dataset
    names = [stage.name for stage in stages]
    of_stages = {name: session.stage_settings[name] for name in names}
    settings = head_settings(experiment, of_stages)
    augmented: Any = None
    if _augmented(session):
        steps = steps_per_epoch(len(dataset.train), settings.batch_size)
        augmented = (*fresh_images(session.inputs, cut), steps)
    with training_called("head_"):
        return train_on_features(
            cache,
            dataset.num_labels,
            settings,
            seed=experiment.run.seed,
            checkpoint=run.checkpoint("heads", names),
            description=run.plan.digest("heads", of_stages),
            augmented=augmented,
            progress=Progress("heads", outputs=names),
            callbacks=heads_monitor(session, stages, cache),
        )


def _check_memory(session: ProbeSession, cut: keras.Model, stages: list[Stage]) -> None:
    dataset, train = session.dataset, not _augmented(session)
    rows = len(dataset.test) + (len(dataset.train) if train else 0)
    features = head_inputs(cut, [stage.name for stage in stages])
    inputs = {s.name: math.prod(session.view(s).seen) for s in stages}
    check_memory(session.experiment.heads, features, inputs, rows, dataset.num_labels)


def _augmented(session: ProbeSession) -> bool:
    return session.experiment.heads.data == "augmented"


def _delete_unfinished(session: ProbeSession, names: list[str]) -> None:
    """Delete what only unfinished heads need, also where a kill came before this."""
    run = session.run
    if run.unfinished_heads():
        # Other stages, trained together, stopped on the way: they go on from there.
        run.checkpoint("heads", names).unlink(missing_ok=True)
    else:
        run.delete_checkpoints("heads")
    if not session.experiment.heads.keep_cache:
        run.delete_features("heads")
