"""Flags of --mode=sweep and --mode=report."""

from absl import flags

from flags.numbers import whole_numbers

flags.DEFINE_list(
    "sweep_labels", [], "Numbers of labels K, each trained anew, such as 20,40,60,100."
)
flags.DEFINE_list(
    "sweep_seeds",
    ["0"],
    "Seeds; each draws its own labels (nested over K), weights and order of images.",
)
flags.DEFINE_string(
    "sweep_stage",
    None,
    "The stage whose error is shown against K. Default: the paper's (layer10 of VGG-16), else the "
    "last.",
)
flags.DEFINE_list(
    "report_stages", [], "Stages whose figures a report shows. Default: all of the run."
)
flags.DEFINE_list(
    "report_filters",
    [],
    "Filters whose matrices a report shows, of each stage. Default: those nearest to the averages.",
)
whole_numbers("sweep_labels", low=2)
whole_numbers("sweep_seeds", low=0)
whole_numbers("report_filters", low=0)
