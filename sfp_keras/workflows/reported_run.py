"""What a report reads of a run directory: the run's own record, and its stages' measurements."""

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.filters import (
    FilterClusters,
    FilterDecisions,
    FilterFields,
    LabelStatistics,
    LayerStatistics,
    SubThresholdFields,
    SummedFields,
    find_clusters,
    label_statistics,
    layer_statistics,
    sub_threshold_fields,
    summed_fields,
)
from sfp_keras.papers import PaperNumbers, measured_as_papers
from sfp_keras.runs.stage_results import read_decisions, read_measurement
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.paper_numbers import paper_numbers
from sfp_keras.workflows.results import layer_row


@dataclasses.dataclass(frozen=True, eq=False)
class ReportedStage:
    """A stage measured on a split, with its clusters at the report's threshold.

    Attributes:
        name: `str`.
        split: `str`.
        fields: `FilterFields`.
        clusters: `FilterClusters`.
        accuracy: `float`. Of the head.
        label_accuracy: float64 `(K,)`.
    """

    name: str
    split: str
    fields: FilterFields
    clusters: FilterClusters
    accuracy: float
    label_accuracy: np.ndarray

    @functools.cached_property
    def statistics(self) -> LayerStatistics:
        """Averages over the filters."""
        return layer_statistics(self.clusters)

    @functools.cached_property
    def labels(self) -> LabelStatistics:
        """Signal and noises of each label."""
        return label_statistics(self.clusters, self.fields)

    @functools.cached_property
    def below(self) -> SubThresholdFields:
        """Fields below the threshold."""
        return sub_threshold_fields(self.clusters, self.fields)

    @functools.cached_property
    def sums(self) -> SummedFields:
        """Fields summed over the filters with a label."""
        return summed_fields(self.clusters, self.fields)

    @property
    def row(self) -> dict[str, Any]:
        """The stage's row of layers.csv."""
        return layer_row(self.name, self.split, self.fields, self.clusters, self.accuracy)


@dataclasses.dataclass(frozen=True, eq=False)
class ReportedRun:
    """A run directory as a report sees it.

    Attributes:
        files: `ExperimentRun`.
        saved: what experiment.json says.
        names: names of the labels.
        stages: the measured stages of each split asked for, input side first.
        split: the splits asked for.
        threshold: `float`. Of the report.
    """

    files: ExperimentRun
    saved: Mapping[str, Any]
    names: tuple[str, ...]
    stages: Mapping[str, Sequence[str]]
    split: Sequence[str]
    threshold: float

    @property
    def flags(self) -> Mapping[str, Any]:
        """The flags the run was made with."""
        return self.saved["flags"]

    @property
    def experiment(self) -> Experiment:
        """The flags as settings."""
        return Experiment.from_json(self.flags)

    @property
    def papers(self) -> PaperNumbers:
        """What the papers say of this experiment."""
        return paper_numbers(self.experiment, len(self.names))

    def papers_of(self, split: str) -> PaperNumbers:
        """The same, empty unless it compares with this split and threshold."""
        return self.papers if measured_as_papers(split, self.threshold) else PaperNumbers()

    def stage(self, name: str, split: str) -> ReportedStage:
        """Read a stage and find its clusters."""
        measured = read_measurement(self.files, name, split)
        if measured.fields.num_labels != len(self.names):
            raise InputError(
                f"{self.files.labels} names {len(self.names)} labels and stage {name} has "
                f"{measured.fields.num_labels}; probe again with --overwrite=heads"
            )
        clusters = find_clusters(measured.fields, self.threshold)
        return ReportedStage(
            name, split, measured.fields, clusters, measured.accuracy, measured.label_accuracy
        )

    def decisions(self, name: str, split: str) -> FilterDecisions | None:
        """Single-filter decisions of a stage, where they were counted."""
        path = self.files.stage(name).split(split).decisions
        if not path.exists():
            return None
        return read_decisions(self.files, name, split)


def read_run(experiment: Experiment) -> ReportedRun:
    """Find the run that a report is of, and its measured stages.

    Args:
        experiment: `Experiment` of the report; only where the run is, and what of it to show.

    Raises:
        InputError: if there is no run, or nothing of it is measured that was asked for.
    """
    files = ExperimentRun(experiment)
    saved = files.record.read()
    if not saved or not isinstance(saved.get("flags"), dict):
        state = "is damaged" if files.record.path.exists() else "is missing"
        raise InputError(
            f"{files.record.path} {state}; name a run by --run_dir, or make one first: "
            f"python main.py --mode=probe --run_dir={files.path}"
        )
    stages = {split: _stages(files, saved, split) for split in experiment.analysis.split}
    empty = [split for split, found in stages.items() if not found]
    if empty:
        again = re.sub(r"--(mode|split)=\S+ ?", "", str(saved.get("command", "")))
        command = again.replace("main.py", f"main.py --mode=probe --split={empty[0]}", 1)
        raise InputError(
            f"--run_dir={files.path} has no stage measured on {empty[0]} images; first run "
            f"{command.strip()}"
        )
    return ReportedRun(
        files,
        saved,
        _label_names(files),
        {split: _chosen(experiment, found) for split, found in stages.items()},
        experiment.analysis.split,
        experiment.analysis.threshold,
    )


def read_table(path: Path, *columns: str) -> pd.DataFrame:
    """A CSV file of a run, with these columns."""
    try:
        return pd.read_csv(path, keep_default_na=False)[list(columns)].astype(float)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is damaged ({error}); delete it and run again") from None


def _stages(files: ExperimentRun, saved: Mapping[str, Any], split: str) -> list[str]:
    """Stages measured on a split, input side first."""
    found = files.measured_stages(split)
    depth = saved["results"].get("stage_order", {})
    return sorted(found, key=lambda name: (depth.get(name, float("inf")), name))


def _chosen(experiment: Experiment, found: list[str]) -> list[str]:
    wanted = experiment.report.stages
    missing = [name for name in wanted if name not in found]
    if missing:
        raise InputError(
            f"--report_stages={','.join(wanted)}: {missing[0]!r} is not measured; there are "
            f"{', '.join(found)}"
        )
    return [name for name in found if name in wanted or not wanted]


def _label_names(files: ExperimentRun) -> tuple[str, ...]:
    try:
        # As text: a label may be called NA, or 1.0.
        return tuple(pd.read_csv(files.labels, dtype=str, keep_default_na=False)["name"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{files.labels} cannot be read ({error}); run --mode=probe again, which writes it"
        ) from None
