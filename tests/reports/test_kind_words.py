"""Texts about filters, in the words for what the filters of a stage are."""

import pytest
from matplotlib.figure import Figure

from sfp_keras.reports import (
    Column,
    ReportTable,
    common_kind,
    figure_of_kind,
    table_of_kind,
    text_of_kind,
)


@pytest.mark.parametrize(
    ("text", "kind", "shown"),
    [
        ("Single-filter performance of 3 filters", "node", "Single-node performance of 3 nodes"),
        (
            "Filters with a label; the filter's fields",
            "head",
            "Heads with a label; the head's fields",
        ),
        ("filters N_f, clusters N_c", "node", "nodes, clusters N_c"),
        ("filters N_f", "filter", "filters N_f"),
        ("3 filters of a filter", "branch", "3 branches of a branch"),
        ("prefiltered, encoder_filter2", "node", "prefiltered, encoder_filter2"),
    ],
)
def test_words(text, kind, shown):
    assert text_of_kind(text, kind) == shown


def test_names_of_stages_and_labels_stay():
    names = ["filter", "a.filter"]
    assert text_of_kind("filter", "node", names) == "filter"
    text = text_of_kind("Filters of a.filter and a filter.", "node", ["a.filter"])
    assert text == "Nodes of a.filter and a node."


def test_tables_and_figures():
    columns = [Column("filters", "filters N_f", "d", "Filters of the stage")]
    table = table_of_kind(
        ReportTable("Filters", columns, [{"filters": 3}], note="A filter."), "node"
    )
    (column,) = table.columns
    assert (table.title, table.note, column.heading) == ("Nodes", "A node.", "nodes")
    assert (column.key, column.hint) == ("filters", "Nodes of the stage")
    figure = Figure()
    axes = figure.subplots()
    axes.set_ylabel("clusters a filter, $N_c$")
    assert figure_of_kind(figure, "head") is figure
    assert axes.get_ylabel() == "clusters a head, $N_c$"


def test_stages_of_several_kinds_have_filters():
    assert common_kind(["node", "node"]) == "node"
    assert common_kind(["node", "head"]) == common_kind([]) == "filter"


def test_names_that_are_cut_stay():
    text = "Filters of oil filt\N{HORIZONTAL ELLIPSIS}, oil filter w\N{HORIZONTAL ELLIPSIS}"
    shown = text_of_kind(text, "node", ["oil filter wrench"])
    assert shown == text.replace("Filters", "Nodes", 1)
