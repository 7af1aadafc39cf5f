"""Reports: the papers' tables and figures of a run, with the papers' numbers beside.

Figures, and the tables that go with them, are loaded when first used: most commands draw nothing.
"""

import importlib
from typing import Any

from sfp_keras.reports.layer_table import layer_table, next_steps, print_layers
from sfp_keras.reports.page import Folded, Listing, Paragraph, Part, Picture, Section, page
from sfp_keras.reports.tables import Column, ReportTable, save_table
from sfp_keras.reports.terminal import print_table, terminal

_MODULE_OF = {
    "afcc_figure": "afcc",
    "draw_labels": "ablation",
    "draw_removal": "ablation",
    "draw_appearances": "cluster_figures",
    "draw_cluster_sizes": "cluster_figures",
    "draw_decisions": "decision_figures",
    "draw_heads": "curves",
    "draw_label_noise": "label_noise",
    "draw_layer_curves": "layer_curves",
    "draw_matrices": "matrices",
    "draw_sub_threshold": "field_figures",
    "draw_summed_fields": "field_figures",
    "draw_training": "curves",
    "matrices_caption": "matrices",
    "typical_filters": "matrices",
    "save_figure": "style",
    "removal_table": "ablation_tables",
    "silenced_label_table": "ablation_tables",
    "silenced_table": "ablation_tables",
    "width_table": "ablation_tables",
    "afcc_table": "afcc",
    "field_table": "run_tables",
    "filter_table": "run_tables",
    "label_mean_table": "run_tables",
    "label_table": "run_tables",
    "robustness_table": "run_tables",
    "size_table": "run_tables",
}

__all__ = [
    "Column",
    "Folded",
    "Listing",
    "Paragraph",
    "Part",
    "Picture",
    "ReportTable",
    "Section",
    "layer_table",
    "next_steps",
    "page",
    "print_layers",
    "print_table",
    "save_table",
    "terminal",
    *_MODULE_OF,
]


def __getattr__(name: str) -> Any:
    """Import the module of a figure when it is first asked for."""
    if name in _MODULE_OF:
        return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
