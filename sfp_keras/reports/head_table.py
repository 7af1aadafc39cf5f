"""The layer table over several heads of each stage, and what a head of shuffled labels gives."""

import dataclasses
import math

import pandas as pd

from sfp_keras.filters import LAYER_MEASURES
from sfp_keras.reports.quantity_columns import quantity_columns
from sfp_keras.reports.tables import Column, ReportTable


def head_table(heads: pd.DataFrame, split: str) -> ReportTable:
    """Mean and deviation over heads of different first weights, and chance below.

    Args:
        heads: `DataFrame` with the columns of heads.csv, of one threshold; stages input side first.
        split: `str`.

    Returns:
        A `ReportTable`.
    """
    of_split = heads[heads["split"] == split]
    columns = (
        Column("stage", "stage"),
        Column("heads", "heads"),
        # Means of counts are no counts.
        *(
            dataclasses.replace(one, spec=".2f") if one.spec.endswith("d") else one
            for one in quantity_columns(LAYER_MEASURES, without=("noise_clustered",))
        ),
    )
    keys = [column.key for column in columns[2:]]
    rows, errors = [], []
    for stage in dict.fromkeys(of_split["stage"]):
        of_stage = of_split[of_split["stage"] == stage]
        shuffled = of_stage["head"].str.startswith("shuffled")
        for labels, group in (("true", of_stage[~shuffled]), ("shuffled", of_stage[shuffled])):
            if len(group):
                values = group[keys].astype(float)
                text = f"{len(group)}, {labels} labels"
                # A mean of some of the heads would be one of fewer than are named.
                rows.append({"stage": stage, "heads": text, **values.mean(skipna=False)})
                # What is infinite has no deviation.
                spread = values.replace([math.inf, -math.inf], math.nan).std(ddof=1, skipna=False)
                errors.append(dict(spread) if len(group) > 1 else None)
    return ReportTable(
        f"Several heads of each stage on the {split} set",
        columns,
        rows,
        note="Mean ± standard deviation over heads that differ in their first weights. Shuffled: a "
        "head trained on labels shuffled among the training images; what it shows is chance.",
        errors=errors,
    )
