"""Flags of --mode=afcc: zero a head outside its filters' clusters, and fine-tune what is left."""

from absl import flags

from flags.numbers import define_number

VARIANTS = ("clusters", "full", "random", "magnitude")

flags.DEFINE_string(
    "afcc_stage", None, "The stage whose head is zeroed. Default: the last of the probed stages."
)
flags.DEFINE_list(
    "afcc_split",
    ["train"],
    "Images the clusters come from: train, test, or train,test. The papers take the test images, "
    "on which accuracy is measured too.",
)
flags.DEFINE_list(
    "afcc_thresholds", [], "Thresholds of the clusters, one after another. Default: --threshold."
)
flags.DEFINE_list(
    "afcc_variants",
    list(VARIANTS),
    "What is fine-tuned: clusters (AFCC), and the controls: full (the whole head), random (as "
    "many labels a filter, drawn at random), magnitude (as many weights, the largest).",
)
flags.DEFINE_list(
    "afcc_trainable",
    ["last"],
    "Layers fine-tuned with the head: last (the last convolution of the stage), head (none), all "
    "(up to the stage), or names of layers.",
)
flags.DEFINE_integer("afcc_epochs", 10, "Epochs of fine-tuning.", lower_bound=0)
flags.DEFINE_integer("afcc_batch_size", 100, "Images a step of fine-tuning.", lower_bound=1)
define_number("afcc_lr", 1e-5, "Learning rate of fine-tuning.")
define_number("afcc_momentum", 0.9, "Momentum of fine-tuning.", below=1.0)
define_number("afcc_l2", 0.015, "L2 of fine-tuning.")
flags.DEFINE_string("afcc_decay", "none", "Decay of the learning rate, as --decay.")
flags.DEFINE_multi_string(
    "afcc_group", [], "Hyperparameters of some variables in fine-tuning, as --group."
)
flags.DEFINE_enum(
    "afcc_precision",
    "float32",
    ["float32", "mixed_bfloat16"],
    "Arithmetic of fine-tuning; accuracies are float32's.",
)


def _validate(name: str, allowed: tuple[str, ...]) -> None:
    flags.register_validator(
        name,
        lambda values: bool(values) and set(values) <= set(allowed),
        message=f"--{name} must be one or more of {', '.join(allowed)}",
    )


def _thresholds(values: list[str]) -> bool:
    try:
        return all(0 <= float(value) < 1 for value in values)
    except ValueError:
        return False


_validate("afcc_split", ("train", "test"))
_validate("afcc_variants", VARIANTS)
flags.register_validator(
    "afcc_thresholds",
    _thresholds,
    message="--afcc_thresholds must be numbers of at least 0 and below 1, such as 0.2,0.3",
)
