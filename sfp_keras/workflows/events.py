"""What TensorBoard is shown of a run: one TensorBoard run a phase."""

import logging
import math
from typing import Any

import keras

from sfp_keras.data import ImageDataset, Scaling, evaluation_batches
from sfp_keras.distribution import current_devices
from sfp_keras.errors import InputError
from sfp_keras.monitoring import FilterMonitor, HeadsMonitor, MonitorWriter, schema
from sfp_keras.monitoring.linear_head import linear_head
from sfp_keras.monitoring.plan import kept_factors
from sfp_keras.probing import FeatureCache, Stage, default_stages
from sfp_keras.runs import stage_results
from sfp_keras.workflows.experiment_run import ExperimentRun

_LOG = logging.getLogger(__name__)


def train_monitor(
    run: ExperimentRun, network: keras.Model, dataset: ImageDataset, scaling: Scaling
) -> list[keras.callbacks.Callback]:
    """The callback that measures the last stage during phase 1, if its head is linear."""
    experiment = run.experiment
    if not experiment.monitoring.on:
        return []
    stage = (experiment.stage_names or [stage.name for stage in default_stages(network)])[-1]
    try:
        linear_head(network, stage)
    except InputError as error:
        _LOG.info(f"the tab shows no clusters of phase 1: {error}")
        return []
    return [
        FilterMonitor(
            run.events("train"),
            lambda: evaluation_batches(
                dataset.test, experiment.heads.inference_batch_size, scaling
            ),
            stage=stage,
            class_names=dataset.class_names,
            threshold=experiment.analysis.threshold,
            title=_title(run),
            network=network,
            # Several processes must measure together, and none knows how long the others took.
            **({"max_cost": math.inf} if current_devices().processes > 1 else {}),
            **_limits(run),
        )
    ]


def heads_monitor(
    run: ExperimentRun,
    cache: FeatureCache,
    stages: list[Stage],
    dataset: ImageDataset,
    depths: dict[str, int],
) -> list[keras.callbacks.Callback]:
    """The callback that measures all stages during phase 2."""
    if not run.experiment.monitoring.on:
        return []
    return [
        HeadsMonitor(
            run.events("heads"),
            cache,
            dataset.class_names,
            {stage.name: depths[stage.path] for stage in stages},
            threshold=run.experiment.analysis.threshold,
            title=_title(run),
            **_limits(run),
        )
    ]


def write_final(run: ExperimentRun, dataset: ImageDataset) -> None:
    """Write the measurements of phase 3, of all stages the run directory holds."""
    experiment = run.experiment
    if not experiment.monitoring.on:
        return
    order: dict[str, int] = run.record.read()["results"]["stage_order"]
    for split in experiment.analysis.split:
        found = {
            name: stage_results.read_measurement(run, name, split)
            for name in order
            if run.stage(name).split(split).fields.exists()
        }
        sizes = {
            name: m.fields.features.nbytes + m.fields.kernel.nbytes for name, m in found.items()
        }
        kept = kept_factors([0], {}, sizes, experiment.monitoring.mb * 1e6)
        left_out = [name for name in found if not kept[name]]
        if left_out:
            _LOG.info(
                f"the tab shows no filters of {', '.join(left_out)}, which do not fit into "
                f"--monitor_mb={experiment.monitoring.mb:g}"
            )
        folder = run.events("final" if split == "test" else f"final_{split}")
        old = list(folder.glob("*"))
        with MonitorWriter(folder) as writer:
            threshold = experiment.analysis.threshold
            names = tuple(dataset.class_names)
            # All is written anew; a TensorBoard that is open still holds what is deleted below.
            about = schema.About("final", names, threshold, title=_title(run), first_step=0)
            writer.about(about)
            for name, measurement in found.items():
                header = schema.header_of(
                    name,
                    order[name],
                    experiment.heads.training.total_epochs - 1,
                    measurement.fields,
                    correct=measurement.correct,
                    split=split,
                )
                writer.measurement(header, measurement.fields, factors=bool(kept[name]))
        for path in old:
            path.unlink()


def _limits(run: ExperimentRun) -> dict[str, Any]:
    experiment = run.experiment
    return {
        "every": experiment.monitoring.every,
        "max_measurements": experiment.monitoring.measurements,
        "max_mb": experiment.monitoring.mb,
    }


def _title(run: ExperimentRun) -> str:
    return run.path.name
