"""Flags of the network."""

from absl import flags

flags.DEFINE_string(
    "model",
    None,
    "vgg6, vgg11, vgg16, avgg16; a .keras file; or package.module:factory, a function that "
    "returns a Keras model, such as keras.applications:MobileNetV2. Default: the preset's, or "
    "vgg6 for digits and vgg16 for CIFAR. Files and factories count as trained.",
)
flags.DEFINE_string(
    "weights",
    None,
    "Trained weights of one of the papers' networks: safetensors with PyTorch's names, or "
    ".weights.h5. The network then counts as trained.",
)
flags.DEFINE_boolean(
    "conv_bias", None, "Whether convolutions have biases. Default: as --weights, or yes."
)
flags.DEFINE_list(
    "fc_widths",
    None,
    "Widths of the hidden fully connected layers, or 'none'. Default: as --weights, or the "
    "papers' (4096,4096; none for vgg6).",
)
flags.DEFINE_enum(
    "fc_activation",
    None,
    ["linear", "relu"],
    "Activation of the hidden fully connected layers. Default: linear, as the papers' authors.",
)
flags.DEFINE_list(
    "stages",
    [],
    "Layers to probe, by name (nested: backbone/conv5; second call of a layer: name#1). "
    "Default: the papers', or the last layer before each spatial reduction.",
)
flags.DEFINE_boolean("list_stages", False, "Show the layers that can be probed, and stop.")
flags.DEFINE_list(
    "pool",
    [],
    "Pooling of stage outputs before the heads: none, avg:<n>, max:<n>, global_avg; or "
    "<stage>=<pool>, separated by commas.",
)
