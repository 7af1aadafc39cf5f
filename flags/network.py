"""Flags of the network."""

from absl import flags

from flags.numbers import define_number

flags.DEFINE_string(
    "model",
    None,
    "vgg6, vgg11, vgg16, avgg16, efficientnetb0; a .keras file; or package.module:factory, a "
    "function that returns a Keras model, such as keras.applications:MobileNetV2. Default: the "
    "preset's, or vgg6 for digits, vgg16 for CIFAR and efficientnetb0 for ImageNet. Files and "
    "factories count as trained.",
)
flags.DEFINE_string(
    "weights",
    None,
    "Trained weights of one of the papers' networks: safetensors with PyTorch's names, or "
    ".weights.h5; for efficientnetb0 also imagenet (keras.applications', downloaded once) or its "
    ".h5 file. The network then counts as trained.",
)
flags.DEFINE_list(
    "filters",
    [],
    "Layers of a VGG network with another number of filters, as <layer>:<filters>, such as "
    "13:350,12:350.",
)
flags.DEFINE_string(
    "initial_weights",
    None,
    "Weights that training starts from, all but the output layer's: as --weights, or a .keras "
    "file, whose layers are taken where name and shapes agree. Default: random.",
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
flags.DEFINE_enum(
    "padding",
    None,
    ["symmetric", "same"],
    "How efficientnetb0 pads before convolutions of stride 2: symmetric as PyTorch, with batch "
    "norm epsilon 1e-5, or same as keras.applications, with 1e-3. Default: same for weights of "
    "keras.applications, else symmetric; a .keras or .weights.h5 file does not tell.",
)
flags.DEFINE_list(
    "blocks",
    [],
    "Blocks of stages of efficientnetb0 that differ, as <stage>:<blocks>: 3:1,4:1 and 5:2 are the "
    "paper's simplified networks.",
)
flags.DEFINE_boolean("stage9", True, "Whether efficientnetb0 has its stage 9.")
define_number(
    "drop_connect", 0.2, "Rate at which efficientnetb0's last blocks are left out.", below=1.0
)
define_number("dropout", 0.2, "Dropout before efficientnetb0's output layer.", below=1.0)
flags.DEFINE_integer(
    "enlarge",
    None,
    "Size to which efficientnetb0 enlarges images itself, on the device (bicubic); 0 for images as "
    "they are. Default: 224 for smaller images.",
    lower_bound=0,
    upper_bound=4096,
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
    "<stage>=<pool>, separated by commas. Default: avg:7 for efficientnetb0, none for others.",
)
