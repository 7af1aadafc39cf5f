"""What TensorBoard is shown of a run: one TensorBoard run a phase."""

import logging
import math
from collections.abc import Mapping
from typing import Any

import keras

from sfp_keras.data import evaluation_batches
from sfp_keras.distribution import current_devices
from sfp_keras.errors import InputError
from sfp_keras.monitoring import FilterMonitor, HeadsMonitor, MonitorWriter, schema
from sfp_keras.monitoring.linear_head import linear_head
from sfp_keras.monitoring.plan import kept_factors
from sfp_keras.probing import FeatureCache, Stage, StageMeasurement, default_stages
from sfp_keras.workflows.session import ProbeSession

_LOG = logging.getLogger(__name__)


def train_monitor(session: ProbeSession, network: keras.Model) -> list[keras.callbacks.Callback]:
    """The callback that measures during phase 1 what the network itself classifies by.

    That is the last stage, or where its head is not linear the last layer whose head is, such as
    the sequence pooling of a transformer; none where there is no such layer.

    Args:
        session: `ProbeSession`.
        network: `keras.Model` that is trained.
    """
    experiment, dataset = session.experiment, session.dataset
    if not experiment.monitoring.on:
        return []
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
    try:
        return linear_head(network, named[-1]).stage
    except InputError as error:
        reason = error
    try:
        return linear_head(network).stage
    except InputError:
        _LOG.info(f"the tab shows no clusters of phase 1: {reason}")
        return None


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
    """Write the measurements of phase 3, of all stages the run directory holds."""
    if not session.experiment.monitoring.on:
        return
    results = session.run.record.results
    depths: dict[str, int] = results["stage_order"]
    kinds, heads = results.get("kinds", {}), results.get("attention_heads", {})
    for split in session.experiment.analysis.split:
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
            about = schema.About("final", names, threshold, title=_title(session), first_step=0)
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
