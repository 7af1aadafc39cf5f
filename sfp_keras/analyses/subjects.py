"""What analyses are of: a run, a split, a stage, what other phases left, and a sweep."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sfp_keras.analyses.analysis import Scope
from sfp_keras.analyses.intervals import stage_intervals
from sfp_keras.filters import (
    FilterClusters,
    FilterFields,
    FilterStatistics,
    FollowedClusters,
    HeadSpecialization,
    Interval,
    LabelStatistics,
    LayerStatistics,
    SingleHeadFields,
    SubThresholdFields,
    SummedFields,
    filter_statistics,
    find_clusters,
    head_specialization,
    label_statistics,
    layer_statistics,
    layer_values,
    sub_threshold_fields,
    summed_fields,
)
from sfp_keras.papers import PaperNumbers, PaperRemoval, PaperSweep, StageNumbers
from sfp_keras.reports import common_kind
from sfp_keras.settings import LABELS, WIDTHS, SweepAxis

# Tables with more labels than this are left to the run's own files.
MOST_LABELS = 200


_OF_SWEEPS = {
    LABELS: (Scope.ERROR_OVER_K, Scope.CLUSTERS_OVER_K, Scope.DEPTH),
    WIDTHS: (Scope.POWER_LAWS, Scope.DEPTH),
}


def _nothing(name: str) -> None:
    return None


@dataclasses.dataclass(frozen=True, eq=False)
class Stage:
    """A stage measured on a split, with its clusters.

    Attributes:
        name: `str`.
        split: `str`.
        fields: `FilterFields`.
        clusters: `FilterClusters`.
        accuracy: `float`. Of the head.
        label_accuracy: float64 `(K,)`.
        names: names of the labels.
        paper: `PaperNumbers` that compare; may be empty.
        filters: numbers of the filters to show; default: each analysis chooses.
        saved: gives what the pass of an analysis left, by the analysis's name, or `None`.
        heads: number of attention heads whose nodes the filters are, one head behind another;
            `None` where they are other filters.
        kind: `str`. What the filters are: `filter` of a map, `node`, `head`, `branch`.
        silenced_heads: `SingleHeadFields` of attention heads, silenced after the pooling and at
            the input; `None` where the latter was not measured.
    """

    name: str
    split: str
    fields: FilterFields
    clusters: FilterClusters
    accuracy: float
    label_accuracy: np.ndarray
    names: Sequence[str]
    paper: PaperNumbers = dataclasses.field(default_factory=PaperNumbers)
    filters: Sequence[int] = ()
    saved: Callable[[str], Any] = _nothing
    heads: int | None = None
    kind: str = "filter"
    silenced_heads: SingleHeadFields | None = None

    @property
    def prefix(self) -> str:
        """What begins the names of its files."""
        return f"{self.split}-{self.name}-"

    @property
    def own_names(self) -> list[str]:
        """Its name, and those of the labels."""
        return [self.name, *self.names]

    @functools.cached_property
    def statistics(self) -> LayerStatistics:
        """Averages over the filters."""
        return layer_statistics(self.clusters)

    @functools.cached_property
    def label_statistics(self) -> LabelStatistics:
        """Signal and noises of each label."""
        return label_statistics(self.clusters, self.fields)

    @functools.cached_property
    def filter_statistics(self) -> FilterStatistics:
        """The numbers of each filter."""
        return filter_statistics(self.clusters, self.fields)

    @functools.cached_property
    def sub_threshold(self) -> SubThresholdFields:
        """Fields below the threshold."""
        return sub_threshold_fields(self.clusters, self.fields)

    @functools.cached_property
    def sums(self) -> SummedFields:
        """Fields summed over the filters with a label."""
        return summed_fields(self.clusters, self.fields)

    @functools.cached_property
    def head_specialization(self) -> HeadSpecialization | None:
        """Which labels each attention head is for; `None` without heads of several nodes."""
        if self.heads is None or not 1 < self.heads < self.fields.num_filters:
            return None
        return head_specialization(self.clusters, self.heads, self.fields)

    @functools.cached_property
    def single_heads(self) -> "Stage | None":
        """The stage with whole attention heads as filters; `None` where it has no nodes of heads.

        Heads are silenced after the pooling of the probe head, where it has one.
        """
        if self.heads is None or not 1 < self.heads < self.fields.num_filters:
            return None
        fields = self.fields.by_heads(self.heads)
        clusters = find_clusters(fields, self.clusters.threshold)
        return dataclasses.replace(
            self,
            fields=fields,
            clusters=clusters,
            paper=PaperNumbers(),
            saved=_nothing,
            heads=None,
            kind="head",
            silenced_heads=None,
        )

    @functools.cached_property
    def silenced_clusters(self) -> tuple[FilterClusters, FilterClusters] | None:
        """Clusters of heads silenced after the pooling, and at the input; `None` without both."""
        if self.silenced_heads is None:
            return None
        ways = self.silenced_heads.after_pooling, self.silenced_heads.at_input
        after, at_input = (find_clusters(fields, self.clusters.threshold) for fields in ways)
        return after, at_input

    @functools.cached_property
    def intervals(self) -> Mapping[str, Interval] | None:
        """Error bars of its numbers over the images; `None` where their parts were not kept."""
        parts = self.saved("bootstrap")
        if parts is None:
            return None
        threshold = self.clusters.threshold
        return stage_intervals(self.name, self.split, self.fields, parts, threshold)

    @property
    def row(self) -> dict[str, Any]:
        """The stage's row of layers.csv."""
        values = layer_values(self.statistics, self.fields.num_positions, self.accuracy)
        about = {"stage": self.name, "split": self.split, "threshold": self.clusters.threshold}
        return {**about, **values}


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """The stages measured on a split.

    Attributes:
        name: `str`.
        stages: input side first.
        paper: `PaperNumbers` that compare; may be empty.
    """

    name: str
    stages: Sequence[Stage]
    paper: PaperNumbers = dataclasses.field(default_factory=PaperNumbers)

    @property
    def prefix(self) -> str:
        """What begins the names of its files."""
        return f"{self.name}-"

    @property
    def kind(self) -> str:
        """What the filters of all stages are; `filter` where they differ."""
        return common_kind(stage.kind for stage in self.stages)

    @property
    def own_names(self) -> list[str]:
        """The names of its stages and labels."""
        return sorted({name for stage in self.stages for name in stage.own_names})


@dataclasses.dataclass(frozen=True, eq=False)
class Ablation:
    """What an ablation of a stage found.

    Attributes:
        name: `str`. The stage.
        summary: `DataFrame` of summary.csv.
        labels: `DataFrame` of labels.csv.
        widths: `DataFrame` of widths.csv; first the run's own network.
        paper: what paper 1 says of the stage, or `None`.
        kind: `str`. What its filters are: `filter`, `node`, `head`, `branch`.
    """

    name: str
    summary: pd.DataFrame
    labels: pd.DataFrame
    widths: pd.DataFrame
    paper: PaperRemoval | None = None
    kind: str = "filter"

    @property
    def prefix(self) -> str:
        """What begins the names of its files."""
        return f"ablate-{self.name}-"

    @property
    def own_names(self) -> list[str]:
        """The stage's name."""
        return [self.name]


@dataclasses.dataclass(frozen=True, eq=False)
class Afcc:
    """What AFCC of a stage gave.

    Attributes:
        name: `str`. The stage.
        results: `DataFrame` of results.csv.
        paper: what the papers say of AFCC; may be empty.
        networks: `DataFrame` of networks.csv; may be empty.
        kind: `str`. What the stage's filters are: `filter`, `node`, `head`, `branch`.
    """

    name: str
    results: pd.DataFrame
    paper: StageNumbers = dataclasses.field(default_factory=StageNumbers)
    networks: pd.DataFrame = dataclasses.field(default_factory=pd.DataFrame)
    kind: str = "filter"

    @property
    def prefix(self) -> str:
        """What begins the names of its files."""
        return "afcc-"

    @property
    def own_names(self) -> list[str]:
        """The stage's name."""
        return [self.name]


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """A run, as far as it is analysed.

    Attributes:
        splits: the splits shown.
        training: `DataFrame` of training.csv; `None` where the network came trained.
        heads: dict from stage to the `DataFrame` of its head.csv, input side first.
        ablations: those made.
        afcc: those made.
        links: `DataFrame` of results.csv of all zeroed links; may be empty.
        followed: dict from phase, `train`, `train_stages` or `heads`, and stage to its clusters
            followed over the phase's epochs; may be empty.
        further_heads: `DataFrame` of heads.csv, of one threshold; may be empty.
        network_tables: dict from an analysis to its table of the network; may be empty.
    """

    splits: Sequence[Split]
    training: pd.DataFrame | None = None
    heads: Mapping[str, pd.DataFrame] = dataclasses.field(default_factory=dict)
    ablations: Sequence[Ablation] = ()
    afcc: Sequence[Afcc] = ()
    links: pd.DataFrame = dataclasses.field(default_factory=pd.DataFrame)
    followed: Mapping[tuple[str, str], FollowedClusters] = dataclasses.field(default_factory=dict)
    further_heads: pd.DataFrame = dataclasses.field(default_factory=pd.DataFrame)
    network_tables: Mapping[str, pd.DataFrame] = dataclasses.field(default_factory=dict)

    prefix = ""

    @property
    def kinds(self) -> dict[str, str]:
        """What the filters of each stage are, by its name."""
        return {stage.name: stage.kind for split in self.splits for stage in split.stages}

    @property
    def kind(self) -> str:
        """What the filters of all stages are; `filter` where they differ."""
        return common_kind(self.kinds.values())

    @property
    def own_names(self) -> list[str]:
        """The names of its stages and labels."""
        return sorted({*self.kinds, *(name for split in self.splits for name in split.own_names)})

    @property
    def rows(self) -> pd.DataFrame:
        """The rows of layers.csv, of all splits."""
        return pd.DataFrame([stage.row for split in self.splits for stage in split.stages])

    @property
    def intervals(self) -> dict[tuple[str, str], Mapping[str, Interval]]:
        """Error bars by stage and split; empty where none are known."""
        found = {(s.name, split.name): s.intervals for split in self.splits for s in split.stages}
        return {key: one for key, one in found.items() if one is not None}

    def subjects(self) -> Iterator[tuple[Scope, str, Any]]:
        """Scope, title and part of the run of every section of a report, in their order."""
        yield Scope.LAYERS, Scope.LAYERS.value, self
        for split in self.splits:
            images = f", {split.name} images" if len(self.splits) > 1 else ""
            yield Scope.CLUSTERS, f"{Scope.CLUSTERS.value}{images}", split
            for stage in split.stages:
                yield Scope.STAGE, Scope.STAGE.value.format(name=stage.name) + images, stage
            yield Scope.ROBUSTNESS, f"{Scope.ROBUSTNESS.value}{images}", split
        for ablation in self.ablations:
            yield Scope.ABLATION, Scope.ABLATION.value.format(name=ablation.name), ablation
        for afcc in self.afcc:
            yield Scope.AFCC, Scope.AFCC.value.format(name=afcc.name), afcc
        if not self.links.empty:
            yield Scope.LINKS, Scope.LINKS.value, self
        yield Scope.TRAINING, Scope.TRAINING.value, self


@dataclasses.dataclass(frozen=True, eq=False)
class Sweep:
    """Runs over numbers of labels K, or over widths, and seeds.

    Attributes:
        members: `DataFrame` with a row for each finished run and stage: K or width, seed and the
            columns of layers.csv with error = 1 - accuracy; stages input side first.
        summary: `DataFrame` of means and deviations, as of `summarise`.
        fits: `DataFrame` of lines, as of `fit_stages`, or of `fit_power_laws`.
        stage: `str`. The stage whose error is shown against K.
        paper: `PaperSweep`, or `None`.
        axis: `SweepAxis`. What is varied.
    """

    members: pd.DataFrame
    summary: pd.DataFrame
    fits: pd.DataFrame
    stage: str
    paper: PaperSweep | None = None
    axis: SweepAxis = LABELS

    prefix = ""

    @property
    def stages(self) -> list[str]:
        """The stages, input side first."""
        return list(dict.fromkeys(self.members["stage"]))

    def subjects(self) -> Iterator[tuple[Scope, str, Any]]:
        """Scope, title and subject of every section of a report, in their order."""
        for scope in _OF_SWEEPS[self.axis]:
            yield scope, scope.value, self


@dataclasses.dataclass(frozen=True, eq=False)
class Committee:
    """Networks that vote.

    Attributes:
        members: `DataFrame` of members.csv.
        votes: `DataFrame` of votes.csv.
        agreement: `DataFrame` of agreement.csv.
    """

    members: pd.DataFrame
    votes: pd.DataFrame
    agreement: pd.DataFrame

    prefix = ""

    def subjects(self) -> Iterator[tuple[Scope, str, Any]]:
        """Scope, title and subject of every section of a report, in their order."""
        yield Scope.COMMITTEE, Scope.COMMITTEE.value, self
