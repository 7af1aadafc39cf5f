"""Analyses of a run: each is declared once, with its numbers, figures and tables.

A new one is a file in `sfp_keras/analyses/catalog`; reports, and the pass over the images where it
needs one, find it there.
"""

from sfp_keras.analyses.analysis import (
    Analysis,
    AnalysisPart,
    Drawing,
    ImagePass,
    NetworkTable,
    Scope,
    Tabled,
)
from sfp_keras.analyses.catalog import (
    all_analyses,
    analyses_of,
    image_passes,
    network_tables,
    switches,
)
from sfp_keras.analyses.catalog.following import draw_following
from sfp_keras.analyses.catalog.layers import draw_layer_curves
from sfp_keras.analyses.catalog.matrices import draw_matrices
from sfp_keras.analyses.image_results import read_image_result, write_image_result
from sfp_keras.analyses.intervals import stage_intervals
from sfp_keras.analyses.network_results import read_network_table
from sfp_keras.analyses.printing import print_ablation, print_committee
from sfp_keras.analyses.shown_filters import typical_filters
from sfp_keras.analyses.subjects import Ablation, Afcc, Committee, Run, Split, Stage, Sweep

__all__ = [
    "Ablation",
    "Afcc",
    "Analysis",
    "AnalysisPart",
    "Committee",
    "Drawing",
    "ImagePass",
    "NetworkTable",
    "Run",
    "Scope",
    "Split",
    "Stage",
    "Sweep",
    "Tabled",
    "all_analyses",
    "analyses_of",
    "draw_following",
    "draw_layer_curves",
    "draw_matrices",
    "image_passes",
    "network_tables",
    "print_ablation",
    "print_committee",
    "read_image_result",
    "read_network_table",
    "stage_intervals",
    "switches",
    "typical_filters",
    "write_image_result",
]
