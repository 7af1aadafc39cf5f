"""How the clusters of a stage form, move and dissolve over its steps, and those of one filter."""

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from werkzeug.exceptions import NotFound

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields, Quantity, find_clusters, follow_clusters
from tb_plugin.answers import Answer, json_answer, notice
from tb_plugin.listing import RunListing
from tb_plugin.provider import UNREADABLE
from tb_plugin.reader import LogReader, Measurement

_SINCE = "since the step before"
_OF_FILTER = {
    "label_stability": "Labels in a cluster at both of two steps in succession, as a share of "
    "those in a cluster at either",
    "cluster_stability": "Pairs of labels in one cluster at both of two steps in succession, as a "
    "share of those at either: 1 where clusters stay the same",
}
# What is said of each cluster that was followed.
_OF_LIFE = ("number", "first", "last", "begins", "ends", "birth")
# One row a step.
STEP_COLUMNS = (
    Quantity("step", "", "step", "Epoch of the measurement, counted from 0", "d"),
    Quantity("clusters", "N_c", "clusters", "Clusters a filter", ".2f"),
    *(
        Quantity(key, "", key, f"Share of this step's clusters that {what}, {_SINCE}", ".3f")
        for key, what in (
            ("kept", "have the same labels"),
            ("grown", "have more labels"),
            ("shrunk", "have fewer labels"),
            ("moved", "have lost some labels and gained others"),
            ("born", "are of labels that were in no cluster"),
            ("split", "have come off another cluster"),
        )
    ),
    *(
        Quantity(key, "", key, f"Share of the clusters of the step before {what}", ".3f")
        for key, what in (
            ("dissolved", "whose labels are in no cluster any more"),
            ("merged", "that others have taken up"),
        )
    ),
    *(
        Quantity(key, "", key.replace("_", " "), f"{hint}; mean over filters", ".3f")
        for key, hint in _OF_FILTER.items()
    ),
    Quantity(
        "formed",
        "",
        "formed",
        "Share of the last step's clusters that persist, with half their labels at least, from "
        "this step or an earlier one",
        ".3f",
    ),
    *(
        Quantity(
            f"{key}_chance",
            "",
            f"{key}s by chance",
            f"Stability of {key}s since the step before if the clusters of this step were as many "
            "and as large, but of labels at random; mean over filters",
            ".3f",
        )
        for key in ("label", "cluster")
    ),
)
# One row a filter.
FILTER_COLUMNS = (
    Quantity("filter", "", "number", "Number of the filter", "d"),
    Quantity("clusters", "N_c", "clusters", "Clusters at the last step", "d"),
    Quantity(
        "birth",
        "",
        "birth",
        "Step from which on the first of these persists, with half its labels at least",
        "d",
    ),
    Quantity("complete", "", "complete", "Step from which on all of these persist", "d"),
    *(
        Quantity(key, "", key.replace("_", " "), f"{hint}; mean over steps", ".3f")
        for key, hint in _OF_FILTER.items()
    ),
    Quantity("lives", "", "lives", "Clusters in all that were there at some step", "d"),
    Quantity(
        "longest_life",
        "",
        "longest life",
        "Steps from the first to the last measurement of the cluster that was there longest",
        "d",
    ),
)


def measurements(
    reader: LogReader, ctx: Any, listing: RunListing, stage: str
) -> tuple[list[Measurement], list[str]]:
    """The measurements of a stage that can be read, steps ascending, and why others cannot.

    Raises:
        NotFound: if there are fewer than two.
    """
    found, notices = [], []
    reader.read_ahead(ctx, listing, [(stage, step) for step in listing.stages[stage]])
    for step in listing.stages[stage]:
        try:
            found.append(reader.measurement(ctx, listing, stage, step))
        except UNREADABLE as error:
            notices.append(notice(listing.run, stage, step, error))
    check_steps(stage, len(found))
    return found, notices


def check_steps(stage: str, count: int) -> None:
    """Refuse a stage with too few measurements that can be read.

    Raises:
        NotFound: if there are fewer than two.
    """
    if count < 2:
        steps = "one step" if count == 1 else "no step"
        raise NotFound(f"{stage} was measured at {steps}; clusters are followed over two")


def step_rows(columns: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """One row a step, as `STEP_COLUMNS`."""
    values = [columns[column.key].tolist() for column in STEP_COLUMNS]
    keys = [column.key for column in STEP_COLUMNS]
    return [dict(zip(keys, row, strict=True)) for row in zip(*values, strict=True)]


def filter_answer(fields: Mapping[int, FilterFields], index: int, threshold: float) -> Answer:
    """One filter at every step: its clusters, followed, and the diagonal of its fields.

    Args:
        fields: `FilterFields` of this filter alone, of each step.
        index: number of the filter.
        threshold: what fields are clipped at.
    """
    clusters = {}
    for step, at in fields.items():
        # A step with fields that are no numbers is left out; the route `following` says so.
        with contextlib.suppress(InputError):
            clusters[step] = find_clusters(at, threshold)
    check_steps(f"filter {index}", len(clusters))
    found = follow_clusters(clusters, chance=False)
    return json_answer(
        {
            "filter": index,
            "steps": found.steps,
            "life": found.life_id[:, 0],
            "fields": np.stack([fields[int(s)].normalized(0).diagonal() for s in found.steps]),
            "lives": {name: getattr(found.lives, name) for name in _OF_LIFE},
        }
    )
