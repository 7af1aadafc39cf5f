"""How an analysis is declared: once, in a file of its own."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sfp_keras.filters import FilterFields
from sfp_keras.papers import cited
from sfp_keras.reports import (
    Paragraph,
    ReportTable,
    figure_of_kind,
    table_of_kind,
    text_of_kind,
)

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from sfp_keras.probing import Accumulator, ProbedStage
    from sfp_keras.progress import Progress


class Scope(enum.Enum):
    """What an analysis is of: the sections of a report, in their order, with their titles.

    `compute` and `parts` of LAYERS, LINKS and TRAINING are given a `Run`, of CLUSTERS and
    ROBUSTNESS a `Split`, of STAGE a `Stage`, of ABLATION an `Ablation`, of AFCC an `Afcc`, of
    COMMITTEE a `Committee`. The four before it are sections of the report of a `Sweep`.
    """

    LAYERS = "Layers"
    CLUSTERS = "Clusters, signal and noise"
    STAGE = "Stage {name}"
    ROBUSTNESS = "Robustness"
    ABLATION = "Ablation of {name}"
    AFCC = "AFCC of {name}"
    LINKS = "AFCC between layers"
    TRAINING = "Training"
    ERROR_OVER_K = "Error against K"
    CLUSTERS_OVER_K = "Clusters against K"
    POWER_LAWS = "Power laws"
    DEPTH = "Accuracy against depth"
    COMMITTEE = "Committee"


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A figure that is drawn when it is written.

    Attributes:
        name: `str`. Of the files, behind what names the run's part.
        draw: makes the figure; the first to import matplotlib.
        caption: `str`. What is seen, for a reader who sees nothing else.
        counterpart: `str`, such as "paper 1, Figure 3B" or the arXiv number of another paper that
            numbers.json names; `None` where the papers have none.
    """

    name: str
    draw: Callable[[], Figure]
    caption: str
    counterpart: str | None

    @property
    def text(self) -> str:
        """The caption with the counterpart, its papers named."""
        beside = f" Compare {cited(self.counterpart)}." if self.counterpart else ""
        return self.caption + beside


@dataclasses.dataclass(frozen=True)
class Tabled:
    """A table.

    Attributes:
        name: `str`. Of the files, behind what names the run's part.
        table: `ReportTable`.
        folded: `str`. What a page shows in its place until it is clicked; default: the table.
    """

    name: str
    table: ReportTable
    folded: str = ""


# A table without a name is shown on the page alone, such as one that another section writes.
AnalysisPart = Drawing | Tabled | ReportTable | Paragraph


@dataclasses.dataclass(frozen=True)
class ImagePass:
    """What an analysis needs of a pass over the images, and how that is kept.

    All passes that are asked for, by a setting with the analysis's name, are one. What it leaves
    is kept with the stage and split, as `<name>.npz` and, for people, `<name>.csv`.

    Attributes:
        accumulator: makes the `Accumulator` of a stage.
        finish: makes the result, of what the accumulator gives and the stage's fields.
        arrays: the result as arrays.
        restore: the result from these arrays.
        table: the result as a table.
        summary: the result in a sentence, without name and images.
    """

    accumulator: Callable[[ProbedStage], Accumulator]
    finish: Callable[[Any, FilterFields], Any]
    arrays: Callable[[Any], Mapping[str, np.ndarray]]
    restore: Callable[[Mapping[str, np.ndarray]], Any]
    table: Callable[[Any], pd.DataFrame]
    summary: Callable[[Any], str]


@dataclasses.dataclass(frozen=True)
class NetworkTable:
    """What an analysis measures of the network itself: a table, kept as network/<name>.csv.

    It is asked for by a setting with the analysis's name: a number of training images.

    Attributes:
        measure: makes the table, of a network whose output is the labels' logits, images
            (n, H, W, C) scaled for it, their labels (n,), and the `Progress` to report to. Its
            column `images` holds n.
        check: raises `ValueError` where a table that was read holds what cannot be.
        show: the table as a `ReportTable`.
    """

    measure: Callable[[keras.Model, np.ndarray, np.ndarray, Progress], pd.DataFrame]
    check: Callable[[pd.DataFrame], None]
    show: Callable[[pd.DataFrame], ReportTable]


@dataclasses.dataclass(frozen=True)
class Analysis:
    """One analysis of a run, found by its file in `sfp_keras.analyses.catalog`.

    Attributes:
        name: `str`. As its file.
        scope: `Scope`. The part of a run that it is of.
        place: `int`. Analyses of one scope are shown in the order of these numbers.
        compute: makes the result, of the scope's part of a run; `None` where there is nothing to
            show.
        parts: the figures and tables of a result, given the part of a run and the result.
        image_pass: `ImagePass` that it needs; default: none, what a run has anyway will do.
        network_table: `NetworkTable` that it needs; default: none.

    Raises:
        TypeError: if `image_pass` is no `ImagePass`.
    """

    name: str
    scope: Scope
    place: int
    compute: Callable[[Any], Any]
    parts: Callable[[Any, Any], Iterable[AnalysisPart]]
    image_pass: ImagePass | None = None
    network_table: NetworkTable | None = None

    def __post_init__(self) -> None:
        if not (self.image_pass is None or isinstance(self.image_pass, ImagePass)):
            raise TypeError(f"analysis {self.name!r}: {self.image_pass!r} is no ImagePass")

    def show(self, subject: Any) -> Iterator[AnalysisPart]:
        """Compute, and give the figures and tables; none where there is nothing to show.

        Args:
            subject: the part of a run that `scope` names. What its filters are, `kind`, gives
                the word for them.
        """
        result = self.compute(subject)
        if result is not None:
            kind = getattr(subject, "kind", "filter")
            names = getattr(subject, "own_names", ())
            for part in self.parts(subject, result):
                yield _of_kind(part, kind, names)


def _of_kind(part: AnalysisPart, kind: str, names: Sequence[str]) -> AnalysisPart:
    """A part in the words for what filters are."""
    if kind == "filter":
        return part
    if isinstance(part, ReportTable):
        return table_of_kind(part, kind, names)
    if isinstance(part, Paragraph):
        return Paragraph(text_of_kind(part.text, kind, names))
    if isinstance(part, Tabled):
        folded = text_of_kind(part.folded, kind, names)
        return Tabled(part.name, table_of_kind(part.table, kind, names), folded)
    return dataclasses.replace(
        part,
        draw=lambda: figure_of_kind(part.draw(), kind, names),
        caption=text_of_kind(part.caption, kind, names),
    )
