"""Flags of phase 1: training the network."""

from absl import flags

from flags.numbers import define_number

flags.DEFINE_integer(
    "epochs",
    None,
    "Epochs of phase 1. The decay is scaled to them. Default: --schedule_epochs.",
    lower_bound=1,
)
flags.DEFINE_integer(
    "schedule_epochs", 100, "The number of epochs --decay is written for.", lower_bound=1
)
flags.DEFINE_integer("batch_size", 100, "Images a training step.", lower_bound=1)
define_number("lr", 0.01, "Learning rate at epoch 0 (the papers' eta).")
define_number("momentum", 0.9, "Nesterov momentum (mu).", below=1.0)
define_number(
    "l2", 5e-4, "L2 (alpha), coupled as PyTorch's weight_decay, on every trainable variable."
)
flags.DEFINE_string(
    "decay",
    "none",
    "Decay of the learning rate, q/dt: times q every dt epochs. Phases are separated by commas, "
    "each but the last with its end; +n shifts the drops: 0.65/20<=140,0.55/20 or "
    "0.65/20+10<=150,0.55/20+10.",
)
flags.DEFINE_multi_string(
    "group",
    [],
    "Hyperparameters of some variables, as in --group='fc: lr=0.002 momentum=0.975 l2=0.0012 "
    "decay=0.65/20'; keys left out come from the flags above, and lr=x0.1 is a tenth of --lr. "
    "The name is fc, conv, or a regular "
    "expression searched in the variables' paths. May be given several times; the first match "
    "counts.",
)
flags.DEFINE_boolean("flip", True, "Flip training images horizontally at random.")
flags.DEFINE_integer(
    "shift",
    4,
    "Shift training images at random by up to so many whole pixels each way, filled with mid-grey; "
    "efficientnetb0's after it enlarged them.",
    lower_bound=0,
)
define_number(
    "rotation", 2.0, "Rotate training images of efficientnetb0 by up to so many degrees.", below=180
)
define_number(
    "shear", 2.0, "Shear training images of efficientnetb0 by up to so many degrees.", below=89
)
flags.DEFINE_enum(
    "precision",
    "float32",
    ["float32", "mixed_bfloat16"],
    "Precision of phase 1; probing is float32, without TensorFloat-32 on a GPU.",
)
flags.DEFINE_enum(
    "images_on",
    "auto",
    ["auto", "host", "device"],
    "Where images are held, flipped, shifted and scaled in phase 1. device: only their numbers "
    "cross to it in a step; the results are the same. auto: on a GPU or TPU of JAX where training "
    "and test images fit in 4 GiB.",
)
