"""Reports: tables in every form, figures in one style, and pages that need nothing else.

What is shown of a run is declared in `sfp_keras.analyses`. matplotlib is loaded when the first
figure is drawn.
"""

from sfp_keras.reports.drawing import save_figure
from sfp_keras.reports.head_table import head_table
from sfp_keras.reports.kind_words import (
    common_kind,
    figure_of_kind,
    table_of_kind,
    text_of_kind,
)
from sfp_keras.reports.layer_table import Intervals, layer_table, print_layers
from sfp_keras.reports.page import Folded, Listing, Paragraph, Part, Picture, Section, page
from sfp_keras.reports.quantity_columns import quantity_column, quantity_columns
from sfp_keras.reports.tables import Column, ReportTable, latex_figure, save_table
from sfp_keras.reports.terminal import print_table, terminal

__all__ = [
    "Column",
    "Folded",
    "Intervals",
    "Listing",
    "Paragraph",
    "Part",
    "Picture",
    "ReportTable",
    "Section",
    "common_kind",
    "figure_of_kind",
    "head_table",
    "latex_figure",
    "layer_table",
    "page",
    "print_layers",
    "print_table",
    "quantity_column",
    "quantity_columns",
    "save_figure",
    "save_table",
    "table_of_kind",
    "terminal",
    "text_of_kind",
]
