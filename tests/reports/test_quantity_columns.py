"""Columns of the report are the quantities that the filters' statistics declare."""

import html

import numpy as np
import pytest

from sfp_keras.analyses.catalog.matrices import filter_table
from sfp_keras.filters import (
    FILTER_QUANTITIES,
    LABEL_QUANTITIES,
    LAYER_QUANTITIES,
    FilterFields,
    filter_statistics,
    find_clusters,
)
from sfp_keras.papers import cited
from sfp_keras.reports import Column, ReportTable
from sfp_keras.reports.quantity_columns import quantity_column, quantity_columns

EVERY = [*LAYER_QUANTITIES, *LABEL_QUANTITIES, *FILTER_QUANTITIES]


@pytest.mark.parametrize(
    ("key", "html_text", "latex"),
    [
        ("noise", "noise <math><mi>n</mi></math>", "noise $n$"),
        ("clusters", "clusters <math><msub><mi>N</mi><mi>c</mi></msub></math>", "clusters $N_c$"),
        ("snr_external", "SNR<sub><i>E</i></sub>", "SNR$_E$"),
        ("dead_filters", "dead", "dead"),
    ],
)
def test_symbols_are_typeset_from_one_notation(key, html_text, latex):
    column = quantity_column(next(one for one in LAYER_QUANTITIES if one.key == key))
    table = ReportTable("t", (Column("stage", "stage"), column), [])
    assert f">{html_text}</th>" in table.html()
    assert f"& {latex} \\\\" in table.latex()


@pytest.mark.parametrize("quantity", EVERY, ids=lambda one: one.key)
def test_headings_explain_themselves_in_the_page(quantity):
    table = ReportTable("t", (quantity_column(quantity),), [])
    assert f'title="{html.escape(cited(quantity.explanation))}"' in table.html()


def test_every_number_of_a_filter_stands_in_the_table_of_filters():
    rng = np.random.default_rng(0)
    fields = FilterFields(rng.random((4, 1, 6)), rng.normal(size=(1, 6, 4)), np.ones(4, int), ())
    statistics = filter_statistics(find_clusters(fields), fields)
    table = filter_table("layer4", statistics, [5, 2])
    frame = table.frame()
    assert frame["filter"].tolist() == [5, 2]
    numbers = [one.key for one in FILTER_QUANTITIES if one.numeric]
    assert list(frame) == ["filter", *numbers]
    for key in numbers:
        np.testing.assert_array_equal(frame[key], getattr(statistics, key)[[5, 2]])


def test_columns_can_be_left_out():
    left = quantity_columns(FILTER_QUANTITIES, without=("noise",))
    assert left[0].key == "clusters"
    assert "labels" not in [column.key for column in left]
