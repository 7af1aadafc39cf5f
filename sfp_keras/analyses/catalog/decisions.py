"""Decisions of single filters: which label each input gets when one filter alone decides."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, Drawing, ImagePass, Scope
from sfp_keras.analyses.shown_filters import differing_filters
from sfp_keras.analyses.subjects import Stage
from sfp_keras.errors import InputError
from sfp_keras.filters import FilterDecisions, FilterFields
from sfp_keras.reports.style import LARGE, PAGE, SMALL, height_for, label_axis, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sfp_keras.probing import Accumulator, DecidedLabels, ProbedStage

# What decisions.npz calls an attribute of `FilterDecisions`.
_IN_FILE = {"correct": "right"}
_ATTRIBUTES = tuple(field.name for field in dataclasses.fields(FilterDecisions))


def draw_decisions(
    decisions: FilterDecisions, names: Sequence[str], filters: Sequence[int] | None = None
) -> Figure:
    """Draw the shares of each filter's decisions, input labels against decided labels.

    Args:
        decisions: `FilterDecisions` with matrices.
        names: K names of labels.
        filters: numbers of up to three filters of `decisions.filters`; default None: the first
            three.

    Returns:
        A figure of a page's width. Above each panel: the share of right decisions, among inputs
        that the filter decides, and the share of its most frequent decision.

    Raises:
        ValueError: if no matrix is kept, or none of a filter asked for.

    Source: paper 1, Figure 3B.
    """
    kept = decisions.filters.tolist()
    chosen = kept[:3] if filters is None else list(filters)[:3]
    if not chosen or not set(chosen) <= set(kept):
        raise ValueError(f"matrices are kept of filters {kept}, and {chosen} are asked for")
    figure, axes = new_figure(PAGE, height_for(names, 2.5), ncols=3, square=True)
    rows, right = decisions.rows, decisions.accuracy_of_active
    for panel, number in zip(axes, chosen, strict=False):
        image = panel.imshow(
            rows[kept.index(number)], cmap="viridis", vmin=0, vmax=1, interpolation="none"
        )
        favourite = int(np.argmax(decisions.by_output[number]))
        share = decisions.share_of_favourite[number]
        panel.set_title(
            f"filter {number}: {_percent(right[number])} right\n"
            f"{_percent(share)} of decisions for label {favourite}",
            fontsize=SMALL,
        )
        for axis in (panel.xaxis, panel.yaxis):
            label_axis(axis, names)
        panel.set(xlabel="decided label", ylabel="input label")
        panel.tick_params(labelsize=SMALL, length=2)
        panel.xaxis.label.set_fontsize(LARGE)
        panel.yaxis.label.set_fontsize(LARGE)
        if panel is not axes[0]:
            panel.set_ylabel("")
            panel.tick_params(labelleft=False)
    for unused in axes[len(chosen) :]:
        unused.remove()
    bar = figure.colorbar(image, ax=list(axes[: len(chosen)]), shrink=0.7, aspect=25, pad=0.01)
    bar.set_label("share of decisions of a row", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    return figure


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%" if np.isfinite(share) else "none"


def _accumulator(stage: ProbedStage) -> Accumulator:
    # Here, for it loads Keras.
    from sfp_keras.probing import DecisionsAccumulator

    return DecisionsAccumulator(stage)


def _finish(decided: DecidedLabels, fields: FilterFields) -> FilterDecisions:
    from sfp_keras.probing import spread_filters

    return decided.count(spread_filters(fields))


def _arrays(decisions: FilterDecisions) -> dict[str, np.ndarray]:
    # The matrices are the most of it: 64 MB as int32 for 16 filters and 1,000 labels.
    arrays = {**vars(decisions), "counts": decisions.counts.astype(np.int32)}
    return {_IN_FILE.get(name, name): array for name, array in arrays.items()}


def _restore(arrays: Mapping[str, np.ndarray]) -> FilterDecisions:
    in_file = {name: arrays[_IN_FILE.get(name, name)] for name in _ATTRIBUTES}
    for name, array in in_file.items():
        if array.dtype.kind not in "iu" or (array.size and (array.min() < 0)):
            raise InputError(f"{name} holds what is no count")
    found = FilterDecisions(**{name: array.astype(np.int64) for name, array in in_file.items()})
    _check(found)
    return found


def _check(found: FilterDecisions) -> None:
    """Refuse counts that are not of the same decisions."""
    if found.correct.ndim != 2 or found.filters.ndim != 1:
        raise InputError("the arrays have other axes")
    filters, num_labels = found.correct.shape
    shapes = {
        "label_counts": (num_labels,),
        **dict.fromkeys(("by_input", "by_output"), (filters, num_labels)),
        "counts": (len(found.filters), num_labels, num_labels),
    }
    for name, shape in shapes.items():
        if getattr(found, name).shape != shape:
            raise InputError(f"{name} has shape {getattr(found, name).shape}, not {shape}")
    kept = found.filters
    if not ((np.diff(kept) > 0).all() and (kept < filters).all()):
        raise InputError(f"filters {kept.tolist()} are not among {filters}, in order")
    if not (
        (found.by_input <= found.label_counts).all()
        and (found.correct <= np.minimum(found.by_input, found.by_output)).all()
        and np.array_equal(found.by_input.sum(1), found.by_output.sum(1))
        and np.array_equal(found.counts.sum(2), found.by_input[kept])
        and np.array_equal(found.counts.sum(1), found.by_output[kept])
    ):
        raise InputError("its counts do not add up")


def _table(decisions: FilterDecisions) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "filter": np.arange(len(decisions.correct)),
            "accuracy": decisions.accuracy,
            "accuracy_of_active": decisions.accuracy_of_active,
            "share_of_favourite": decisions.share_of_favourite,
            "active": decisions.by_input.sum(1) / max(decisions.inputs, 1),
        }
    )


def _summary(decisions: FilterDecisions) -> str:
    active = decisions.by_input.sum(1) > 0
    if not active.any():
        return "no filter responds"
    accuracy = decisions.accuracy_of_active[active]
    return (
        f"a filter alone is right in {accuracy.mean():.3f} of those it responds to (best "
        f"{accuracy.max():.3f}, chance {1 / len(decisions.label_counts):.3f}) and gives its "
        f"favourite label to {decisions.share_of_favourite[active].mean():.3f} of them"
    )


def _compute(stage: Stage) -> FilterDecisions | None:
    decisions: FilterDecisions | None = stage.saved("decisions")
    if decisions is not None and (
        len(decisions.correct) != stage.fields.num_filters
        or not np.array_equal(decisions.label_counts, stage.fields.label_counts)
    ):
        raise InputError(
            f"decisions.npz of stage {stage.name}, {stage.split} images, is of another "
            "measurement; delete it and run again with `decisions`, which makes it"
        )
    return decisions if decisions is not None and len(decisions.filters) else None


def _parts(stage: Stage, decisions: FilterDecisions) -> Iterator[AnalysisPart]:
    kept = decisions.filters.tolist()
    chosen = [number for number in stage.filters if number in kept]
    chosen = chosen[:3] or list(differing_filters(stage.clusters, kept))
    yield Drawing(
        "decisions",
        lambda: draw_decisions(decisions, stage.names, chosen),
        f"Decisions of filters {', '.join(map(str, chosen))} of {stage.name}, each alone: the "
        "label of the largest of the filter's fields, for each image; rows sum to one.",
        "paper 1, Figure 3B",
    )


ANALYSIS = Analysis(
    "decisions",
    Scope.STAGE,
    5,
    _compute,
    _parts,
    ImagePass(_accumulator, _finish, _arrays, _restore, _table, _summary),
)
