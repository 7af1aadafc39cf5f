"""Pruned back-propagation: the share of gradients that are exactly zero, of one image at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sfp_keras.analyses.analysis import Analysis, AnalysisPart, NetworkTable, Scope, Tabled
from sfp_keras.analyses.subjects import Run
from sfp_keras.papers import cited
from sfp_keras.reports import Column, ReportTable

if TYPE_CHECKING:
    import keras

    from sfp_keras.progress import Progress

_SHARES = ("zero_share", "zero_always")


def _measure(
    network: keras.Model, images: np.ndarray, labels: np.ndarray, progress: Progress
) -> pd.DataFrame:
    # Here, for it loads Keras.
    from sfp_keras.training import zero_gradient_shares

    return zero_gradient_shares(network, images, labels, progress=progress)


def _check(table: pd.DataFrame) -> None:
    # Column by column, for then a missing one is named.
    shares, counts = (
        pd.DataFrame({name: table[name].astype(float) for name in names})
        for names in (_SHARES, ("size", "images"))
    )
    table["variable"]
    if not ((shares >= 0) & (shares <= 1)).all(axis=None):
        raise ValueError("a share is not from 0 to 1")
    if not ((counts >= 0) & (counts % 1 == 0)).all(axis=None) or (counts["images"] < 1).any():
        raise ValueError("a number of weights or images cannot be")


def zero_gradients_table(shares: pd.DataFrame) -> ReportTable:
    """The shares of zero gradients, variable by variable.

    Args:
        shares: `DataFrame` with the columns of zero_gradients.csv.

    Returns:
        A `ReportTable`, with all weights of the network in the last row.
    """
    columns = [
        Column("variable", "variable"),
        Column("size", "weights", ",d"),
        Column("zero_share", "zero", ".1%", "Share of the gradient that is zero, mean of images."),
        Column("zero_always", "always zero", ".1%", "Share that is zero of every image."),
    ]
    total = shares["size"].sum()
    whole = {name: float((shares[name] * shares["size"]).sum() / total) for name in _SHARES}
    rows = shares[[column.key for column in columns]].to_dict("records")
    return ReportTable(
        "Gradients that are exactly zero",
        columns,
        [*rows, {"variable": "all", "size": total, **whole}],
        note="Of each variable of the trained network the share of weights that one image alone "
        "would not change: the gradient of its cross-entropy is exactly zero there, as ReLU that "
        "is off and places that lose in a maximum pass nothing back. Mean over "
        f"{shares['images'].iloc[0]:,} training images; always: zero of all of them. "
        f"{cited('arXiv:2211.11378')} measures it of its trees.",
    )


def _parts(run: Run, shares: pd.DataFrame) -> Iterator[AnalysisPart]:
    yield Tabled("zero-gradients", zero_gradients_table(shares))


ANALYSIS = Analysis(
    "zero_gradients",
    Scope.TRAINING,
    3,
    lambda run: run.network_tables.get("zero_gradients"),
    _parts,
    network_table=NetworkTable(_measure, _check, zero_gradients_table),
)
