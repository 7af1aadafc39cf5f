"""Flags of phase 2: training the probe heads."""

from absl import flags

from flags.numbers import define_number

flags.DEFINE_integer(
    "head_epochs",
    None,
    "Epochs of the heads; their decay is scaled to them. Default: --head_schedule_epochs.",
    lower_bound=1,
)
flags.DEFINE_integer(
    "head_schedule_epochs",
    100,
    "The number of epochs --head_decay is written for.",
    lower_bound=1,
)
flags.DEFINE_integer("head_batch_size", 100, "Images a step of the heads.", lower_bound=1)
define_number("head_lr", 0.005, "Learning rate of the heads at epoch 0.")
define_number("head_momentum", 0.975, "Momentum of the heads.", below=1.0)
define_number("head_l2", 1.5e-5, "L2 of the heads.")
flags.DEFINE_string("head_decay", "0.65/20", "Decay of the heads' learning rate, as --decay.")
flags.DEFINE_multi_string(
    "head_group",
    [],
    "Hyperparameters of one stage's head, as in --head_group='layer2: lr=0.01 l2=1e-6'.",
)
flags.DEFINE_enum(
    "head_data",
    "cached",
    ["cached", "augmented"],
    "cached: each training image passes once through the frozen network. augmented: fresh "
    "augmented images pass through it every epoch.",
)
define_number(
    "cache_gib",
    4.0,
    "Stage outputs up to this size are kept in memory, larger ones in files under the run "
    "directory, deleted when the heads are done.",
)
flags.DEFINE_enum(
    "cache_dtype",
    "float16",
    ["float16", "float32"],
    "Type of cached stage outputs; sums and logits are float32. A stage beyond float16's range "
    "is kept as float32.",
)
flags.DEFINE_boolean(
    "keep_cache",
    False,
    "Keep the files of stage outputs above --cache_gib when the heads are done; smaller ones are "
    "in memory and never in files.",
)
flags.DEFINE_integer(
    "inference_batch_size", 100, "Images a pass through the frozen network.", lower_bound=1
)
