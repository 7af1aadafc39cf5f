"""Flags of what TensorBoard is shown while a run goes on, in <run_dir>/events."""

from absl import flags

from flags.numbers import define_number

flags.DEFINE_bool(
    "monitor", True, "Write events for TensorBoard: `tensorboard --logdir=<run_dir>` shows them."
)
flags.DEFINE_integer(
    "monitor_every",
    None,
    "Epochs between measurements, however many these are. Default: as few as "
    "--monitor_measurements allows, and, while the network trains, so that they take at most 5% "
    "of the time.",
    lower_bound=1,
)
flags.DEFINE_integer(
    "monitor_measurements", 20, "Most measurements of a phase; the last epoch is always one.", 1
)
define_number(
    "monitor_mb",
    50.0,
    "Megabytes a phase's measurements may take; large stages keep fewer of them. TensorBoard "
    "gets slow with much more.",
)
