"""What TensorBoard is shown of a run: one TensorBoard run a phase."""

import logging
import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from sfp_keras.data import evaluation_batches, random_order
from sfp_keras.distribution import current_devices
from sfp_keras.errors import InputError
from sfp_keras.monitoring import (
    FilterMonitor,
    HeadsMonitor,
    MonitorWriter,
    StageMonitor,
    schema,
)
from sfp_keras.monitoring.linear_head import linear_head
from sfp_keras.monitoring.plan import kept_factors
from sfp_keras.probing import FeatureCache, Stage, StageMeasurement, default_stages
from sfp_keras.workflows.inputs.stage_settings import head_settings, pools_of, stage_settings
from sfp_keras.workflows.inputs.stages import chosen_stages
from sfp_keras.workflows.phases.error_bars import read_error_bars
from sfp_keras.workflows.session import ProbeSession

_LOG = logging.getLogger(__name__)


def train_monitors(session: ProbeSession, network: keras.Model) -> list[keras.callbacks.Callback]:
    """The callbacks that measure during phase 1.

    Args:
        session: `ProbeSession`.
        network: `keras.Model` that is trained.
    """
    if not session.experiment.monitoring.on:
        return []
    return [*_own_head_monitor(session, network), *_stage_monitor(session, network)]


def _own_head_monitor(
    session: ProbeSession, network: keras.Model
) -> list[keras.callbacks.Callback]:
    """The callback that measures what the network itself classifies by.

    That is the last stage, or where its head is not linear the last layer whose head is, such as
    the sequence pooling of a transformer; none where there is no such layer.
    """
    experiment, dataset = session.experiment, session.dataset
    stage = _stage_of_own_head(session, network)
    if stage is None:
        return []
    batch_size = experiment.heads.inference_batch_size
    return [
        FilterMonitor(
            session.run.events("train"),
            lambda: evaluation_batches(dataset.test, batch_size, session.scaling),
            stage=stage,
            class_names=dataset.class_names,
            threshold=experiment.analysis.threshold,
            title=_title(session),
            network=network,
            # Several processes must measure together, and none knows how long the others took.
            **({"max_cost": math.inf} if current_devices().processes > 1 else {}),
            **_limits(session),
        )
    ]


def _stage_of_own_head(session: ProbeSession, network: keras.Model) -> str | None:
    named = session.experiment.stage_names or [one.name for one in default_stages(network)]
    for stage in (named[-1], None):
        try:
            return linear_head(network, stage).stage
        except InputError:
            continue
    if not session.experiment.monitoring.stages_every:
        _LOG.info(
            f"the tab shows no clusters of phase 1, for the network reads {named[-1]} by more than "
            "a linear head; `monitor_stages_every`=5 trains heads every 5 epochs"
        )
    return None


def _stage_monitor(session: ProbeSession, network: keras.Model) -> list[keras.callbacks.Callback]:
    """The callback that probes all stages of the network as it is at some epochs, if asked."""
    experiment, dataset = session.experiment, session.dataset
    monitoring = experiment.monitoring
    if not monitoring.stages_every:
        return []
    stages = chosen_stages(experiment, network)
    settings = stage_settings(session.run, stages)
    batch_size, seed = experiment.heads.inference_batch_size, experiment.run.seed
    order = random_order(len(dataset.train), "monitored images", seed)
    few = dataset.train.select(np.sort(order[: monitoring.stages_images]))
    return [
        StageMonitor(
            session.run.events("train_stages"),
            lambda: evaluation_batches(few, batch_size, session.scaling),
            lambda: evaluation_batches(dataset.test, batch_size, session.scaling),
            stages=stages,
            pool=pools_of(settings),
            class_names=dataset.class_names,
            every=monitoring.stages_every,
            head_epochs=monitoring.stages_epochs,
            settings=head_settings(experiment, settings),
            seed=seed,
            threshold=experiment.analysis.threshold,
            max_mb=monitoring.mb,
            budget=int(experiment.heads.cache_gib * 2**30),
            title=_title(session),
            network=network,
        )
    ]


def heads_monitor(
    session: ProbeSession, stages: list[Stage], cache: FeatureCache
) -> list[keras.callbacks.Callback]:
    """The callback that measures these stages during phase 2."""
    if not session.experiment.monitoring.on:
        return []
    return [
        HeadsMonitor(
            session.run.events("heads"),
            cache,
            session.dataset.class_names,
            {stage.name: session.depths[stage.path] for stage in stages},
            kinds={stage.name: session.view(stage).kind for stage in stages},
            attention_heads=_attention_heads(session, stages),
            threshold=session.experiment.analysis.threshold,
            title=_title(session),
            **_limits(session),
        )
    ]


def _attention_heads(session: ProbeSession, stages: list[Stage]) -> dict[str, int]:
    found = {stage.name: session.attention_heads(stage) for stage in stages}
    return {name: heads for name, heads in found.items() if heads is not None}


def write_final(session: ProbeSession) -> None:
    """Write the measurements of phase 3, of all stages the run directory holds.

    With what intervals.csv and heads.csv say of their numbers, which are therefore written before.
    """
    if session.experiment.monitoring.on:
        with session.run.timed("analysis"):
            for split in session.experiment.analysis.split:
                _write_split(session, split)


def _write_split(session: ProbeSession, split: str) -> None:
    results = session.run.record.results
    depths: dict[str, int] = results["stage_order"]
    kinds, heads = results.get("kinds", {}), results.get("attention_heads", {})
    bars = read_error_bars(session.run)
    found = {
        name: session.measurement(name, split)
        for name in depths
        if session.run.stage(name).split(split).fields.exists()
    }
    folder = session.run.events("final" if split == "test" else f"final_{split}")
    old = [path for path in folder.glob("*") if not path.is_dir()]
    with MonitorWriter(folder) as writer:
        threshold = session.experiment.analysis.threshold
        names = tuple(session.dataset.class_names)
        # All is written again; a TensorBoard that is open still holds what is deleted below.
        left_out = any(head.biases_left_out for head in session.own_heads.values())
        about = schema.About(
            "final", names, threshold, left_out, title=_title(session), first_step=0
        )
        writer.about(about)
        kept = _kept_factors(session, found)
        for name, measurement in found.items():
            header = schema.header_of(
                name,
                depths[name],
                session.experiment.heads.training.total_epochs - 1,
                measurement.fields,
                correct=measurement.correct,
                split=split,
                heads=heads.get(name),
                kind=kinds.get(name, "filter"),
                bars=bars.get((name, split), ()),
            )
            writer.measurement(header, measurement.fields, factors=kept[name])
    for path in old:
        path.unlink()


def _kept_factors(session: ProbeSession, found: Mapping[str, StageMeasurement]) -> dict[str, bool]:
    """Of which stages the tab is given single filters, as far as there is room."""
    sizes = {name: m.fields.features.nbytes + m.fields.kernel.nbytes for name, m in found.items()}
    megabytes = session.experiment.monitoring.mb
    kept = kept_factors([0], {}, sizes, megabytes * 1e6)
    left_out = [name for name in found if not kept[name]]
    if left_out:
        _LOG.info(
            f"the tab shows no filters of {', '.join(left_out)}, which do not fit into "
            f"`monitor_mb`={megabytes:g}"
        )
    return {name: bool(kept[name]) for name in found}


def _limits(session: ProbeSession) -> dict[str, Any]:
    monitoring = session.experiment.monitoring
    return {
        "every": monitoring.every,
        "max_measurements": monitoring.measurements,
        "max_mb": monitoring.mb,
    }


def _title(session: ProbeSession) -> str:
    return session.run.path.name
