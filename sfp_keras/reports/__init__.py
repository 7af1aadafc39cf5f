"""Reports: the layer table on the terminal, with the papers' rows beside."""

from sfp_keras.reports.layer_table import next_steps, print_layers
from sfp_keras.reports.paper import PaperLayers, paper_layers
from sfp_keras.reports.terminal import print_table, terminal

__all__ = ["PaperLayers", "next_steps", "paper_layers", "print_layers", "print_table", "terminal"]
