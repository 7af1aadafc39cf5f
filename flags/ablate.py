"""Flags of --mode=ablate: what a stage loses with its filters."""

from absl import flags

from flags.numbers import whole_numbers

flags.DEFINE_string(
    "ablate_stage", None, "The stage whose filters are removed. Default: the last probed one."
)
flags.DEFINE_list(
    "ablate_removed",
    [],
    "How many filters are removed at random from the head, at test time. Default: eight numbers up "
    "to all but a few.",
)
flags.DEFINE_integer(
    "ablate_draws", 10, "Random choices of the removed filters, for each number.", lower_bound=1
)
flags.DEFINE_list(
    "ablate_widths",
    [],
    "Train anew with so many filters in --ablate_layers, one network a number. Default: none.",
)
flags.DEFINE_list(
    "ablate_layers",
    [],
    "Layers of a VGG network that --ablate_widths narrows, such as 11,12,13. Default: the stage's.",
)
whole_numbers("ablate_removed", low=0)
whole_numbers("ablate_widths", low=1)
whole_numbers("ablate_layers", low=1)
