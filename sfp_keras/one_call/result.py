"""What `probe` finds."""

from __future__ import annotations

import dataclasses
import functools
import html
import numbers
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import keras
import pandas as pd

from sfp_keras.analyses import draw_layer_curves, draw_matrices, typical_filters
from sfp_keras.errors import InputError
from sfp_keras.filters import (
    FilterClusters,
    FilterFields,
    Interval,
    LayerStatistics,
    find_clusters,
    layer_statistics,
)
from sfp_keras.one_call.called_experiment import CalledExperiment
from sfp_keras.one_call.held_folder import HeldFolder
from sfp_keras.papers import PaperNumbers
from sfp_keras.probing import Head, StageMeasurement
from sfp_keras.reports import head_table, layer_table, terminal
from sfp_keras.runs import RunFiles
from sfp_keras.runs.statistics_files import label_table
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.phases.kept_network import keep_network, weights_digest

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_Value = TypeVar("_Value")


class ByStage(dict[str, _Value]):
    """A dict from the names of the stages, input side first."""

    def __missing__(self, stage: str) -> _Value:
        raise InputError(f"`stage`: {stage!r} is not probed; there are {', '.join(self)}")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ProbeResult:
    """Heads, fields and clusters of the stages of a model.

    `fields`, `clusters` and what follows are of one set of images, `split`; of several that were
    asked for, the first. `on` gives those of another one.

    Attributes:
        model: `keras.Model`, as it was given.
        table: `DataFrame` with the columns of layers.csv: a row a stage and split, input side
            first, with the accuracy of the stage's head, noise, clusters and equations 1-4.
        heads: dict from stage to its `Head`.
        accuracy: `float`. The model's own accuracy on the test images; `None` where its outputs
            are not one for each label.
        class_names: names of the labels.
        threshold: `float`. Normalised fields above it count as one.
        split: `str`. `"test"` or `"train"`: the images that `fields` are measured on.
        intervals: dict from stage and split to a dict from columns of `table` to an `Interval`, the
            error over images; empty without `bootstrap=True`.
        further_heads: `DataFrame` with the columns of heads.csv: of each stage's head, and of those
            that `head_seeds` and `shuffled_labels` asked for; empty without.
        measured: dict from each split that was asked for to a dict from stage to its
            `StageMeasurement`, which has the fields and the images classified correctly.
    """

    model: keras.Model
    table: pd.DataFrame
    heads: Mapping[str, Head]
    accuracy: float | None
    class_names: tuple[str, ...]
    threshold: float
    split: str
    intervals: Mapping[tuple[str, str], Mapping[str, Interval]]
    further_heads: pd.DataFrame
    measured: Mapping[str, Mapping[str, StageMeasurement]]
    _experiment: CalledExperiment
    # None where the results are in a folder of the user's.
    _folder: HeldFolder | None
    # What the filters of each stage are.
    _kinds: Mapping[str, str]

    @property
    def stages(self) -> list[str]:
        """The names of the stages, input side first."""
        return list(self.heads)

    @functools.cached_property
    def fields(self) -> Mapping[str, FilterFields]:
        """Dict from stage to the `FilterFields` of its filters."""
        return ByStage({name: found.fields for name, found in self.measured[self.split].items()})

    @functools.cached_property
    def clusters(self) -> Mapping[str, FilterClusters]:
        """Dict from stage to its `FilterClusters`."""
        found = {
            name: find_clusters(fields, self.threshold) for name, fields in self.fields.items()
        }
        return ByStage(found)

    @functools.cached_property
    def statistics(self) -> Mapping[str, LayerStatistics]:
        """Dict from stage to its `LayerStatistics`."""
        return ByStage({name: layer_statistics(found) for name, found in self.clusters.items()})

    @functools.cached_property
    def filters(self) -> Mapping[str, pd.DataFrame]:
        """Dict from stage to a table with a row a filter and the columns of filters.csv."""
        return ByStage(
            {name: self.clusters[name].to_frame(self.fields[name]) for name in self.heads}
        )

    @functools.cached_property
    def labels(self) -> Mapping[str, pd.DataFrame]:
        """Dict from stage to a table with a row a label and the columns of labels.csv."""
        return ByStage(
            {
                name: label_table(found, self.clusters[name], self.class_names)
                for name, found in self.measured[self.split].items()
            }
        )

    def on(self, split: str) -> ProbeResult:
        """The same result with the fields of other images.

        Args:
            split: `str`. `"test"` or `"train"`, one of those that `probe` was asked for.
        """
        if split not in self.measured:
            raise InputError(
                f"`split`={split} was not measured; there is {' and '.join(self.measured)}"
            )
        return dataclasses.replace(self, split=split)

    def show(self, filter: int | None = None, stage: str | None = None) -> Figure:
        """Draw the field matrix of a filter: normalised, above the threshold, and its clusters.

        Args:
            filter: `int`. Its number. Default: that of the filter nearest to the stage's averages.
            stage: `str`. Default: the last stage.

        Returns:
            A figure, which notebooks show; `savefig` writes it to a file.

        Raises:
            InputError: if there is no such filter or stage.

        Source: paper 1, Figure 4; paper 2, Figure 1.
        """
        stage = self.stages[-1] if stage is None else stage
        fields, clusters = self.fields[stage], self.clusters[stage]
        number = typical_filters(clusters, 1)[0] if filter is None else filter
        if not (isinstance(number, numbers.Integral) and 0 <= number < fields.num_filters):
            raise InputError(
                f"`filter`={number!r}: stage {stage} has filters 0 to {fields.num_filters - 1}"
            )
        return draw_matrices(fields, clusters, int(number), self.class_names)

    def layer_figure(self) -> Figure:
        """Draw accuracy, noise, clusters and signal-to-noise ratios against depth.

        Source: paper 1, Figures 2B and 5A; paper 2, Tables 1-6.
        """
        return draw_layer_curves(self.table, intervals=self.intervals)

    def save(self, run_dir: str | Path) -> Path:
        """Write a run directory, as the command makes them.

        `sfp-keras --mode=report --run_dir=<run_dir>` makes a report of it, and
        `tensorboard --logdir=<run_dir>/events` shows every filter.

        Args:
            run_dir: `str` or `Path`. A new or empty folder, or one that this was saved to before.

        Returns:
            The folder. It has no model.keras where the model was changed since it was probed.

        Raises:
            InputError: if the folder holds other files, or results of another experiment.
        """
        source = RunFiles(self._experiment.directory)
        run = ExperimentRun(self._experiment.changed(run_dir=str(run_dir)))
        if run.path.resolve() == source.path.resolve():
            return run.path
        weights = source.record.results["weights"]
        with run.opened(str(source.record.read()["data"])):
            if run.record.results.get("weights", weights) != weights:
                raise InputError(
                    f"`run_dir`={run.path} holds results of this model with other weights; choose "
                    "another"
                )
            for phase in ("analysis", "heads", "train"):
                run.delete_results(phase)
            for name in ("stages", "events", "network"):
                if (source.path / name).exists():
                    shutil.copytree(source.path / name, run.path / name, dirs_exist_ok=True)
            asked_for = filter(Path.exists, (source.intervals, source.heads))
            for file in (source.labels, source.layers, *asked_for):
                shutil.copy(file, run.path / file.name)
            run.record.take(source.record)
            if weights_digest(self.model) == weights:
                keep_network(run, self.model)
            else:
                terminal().print(
                    "model.keras is left out: the model was changed since it was probed"
                )
        return run.path

    def __repr__(self) -> str:
        return f"ProbeResult({self._summary(self.stages)})"

    def _repr_html_(self) -> str:
        tables = [
            layer_table(rows, str(split), PaperNumbers(), self.intervals, self._kinds).html()
            for split, rows in self.table.groupby("split", sort=False)
        ]
        further = self.further_heads
        tables += [head_table(further, split).html() for split in dict.fromkeys(further["split"])]
        return f"<p>{html.escape(self._summary([]))}</p>{''.join(tables)}"

    def _summary(self, stages: Iterable[str]) -> str:
        rows: dict[str, Any] = {
            str(row["stage"]): row["accuracy"]
            for row in self.table.to_dict("records")
            if row["split"] == self.split
        }
        images = int(next(iter(self.fields.values())).label_counts.sum())
        own = "no accuracy of its own" if self.accuracy is None else f"accuracy {self.accuracy:.4f}"
        heads = [f"{stage} {rows[stage]:.4f}" for stage in stages]
        return (
            f"{self.model.name} on {images:,} {self.split} images of {len(self.class_names)} "
            f"labels: {own}" + (f"; heads: {', '.join(heads)}" if heads else "")
        )
