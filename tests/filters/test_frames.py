"""Statistics as tables, with the names of the CSV files."""

import numpy as np
import pytest

from sfp_keras.filters import (
    FILTER_QUANTITIES,
    LABEL_QUANTITIES,
    filter_statistics,
    find_clusters,
    label_statistics,
    layer_statistics,
)


def keys(quantities):
    return [one.key for one in quantities]


def test_each_filter_is_a_row(case_1_fields):
    clusters = find_clusters(case_1_fields)
    table = clusters.to_frame(case_1_fields)
    assert list(table) == ["filter", *keys(FILTER_QUANTITIES)]
    assert table["filter"].tolist() == list(range(clusters.num_filters))
    assert table["labels"].tolist() == [clusters.members(f) for f in table["filter"]]
    np.testing.assert_array_equal(table["noise"], clusters.noise)
    np.testing.assert_array_equal(table["maximum"], case_1_fields.maxima())
    # Without fields, no columns of them.
    without = clusters.to_frame()
    assert list(without) == [k for k in table if k not in ("maximum", "selectivity")]


def test_each_label_is_a_row(case_1_fields):
    clusters = find_clusters(case_1_fields)
    statistics = label_statistics(clusters, case_1_fields)
    table = statistics.to_frame()
    assert list(table) == ["label", *[k for k in keys(LABEL_QUANTITIES) if k != "accuracy"]]
    np.testing.assert_array_equal(table["field_signal"], statistics.field_signal)


def test_a_layer_is_one_row(case_1_fields):
    statistics = layer_statistics(find_clusters(case_1_fields))
    (row,) = statistics.to_frame().to_dict("records")
    assert row["snr_external"] == statistics.snr_external
    assert row["filters"] == statistics.filters


@pytest.mark.parametrize("statistics", [layer_statistics, label_statistics, filter_statistics])
def test_notebooks_show_a_table(case_1_fields, statistics):
    found = statistics(find_clusters(case_1_fields))
    assert found._repr_html_().startswith("<table")
    assert "noise" in found._repr_html_()
    assert "\n" not in repr(found)
