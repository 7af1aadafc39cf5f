"""The options of the papers' two kinds of networks."""

import dataclasses

from sfp_keras.settings.field import setting


@dataclasses.dataclass(frozen=True)
class VGGOptions:
    """What can be changed in a VGG network."""

    conv_bias: bool | None = setting(
        None,
        "Whether convolutions have biases. Default: as `weights`, or yes.",
        phases=("train",),
        used="vgg",
    )
    fc_widths: tuple[str, ...] | None = setting(
        None,
        "Widths of the hidden fully connected layers, or 'none'. Default: as `weights`, or the "
        "papers' (4096,4096; none for vgg6).",
        phases=("train",),
        used="vgg",
    )
    fc_activation: str | None = setting(
        None,
        "Activation of the hidden fully connected layers. Default: linear, as the papers' authors.",
        phases=("train",),
        choices=("linear", "relu"),
        used="vgg",
    )
    filters: tuple[str, ...] = setting(
        (),
        "Layers of a VGG network with another number of filters, as <layer>:<filters>, such as "
        "13:350,12:350.",
        phases=("train",),
        used="vgg",
    )


@dataclasses.dataclass(frozen=True)
class EfficientNetOptions:
    """What can be changed in EfficientNet-B0."""

    padding: str | None = setting(
        None,
        "How efficientnetb0 pads before convolutions of stride 2: symmetric as PyTorch, with batch "
        "norm epsilon 1e-5, or same as keras.applications, with 1e-3. Default: same for weights of "
        "keras.applications, else symmetric; a .keras or .weights.h5 file does not tell.",
        phases=("train",),
        choices=("symmetric", "same"),
        used="efficientnet",
    )
    blocks: tuple[str, ...] = setting(
        (),
        "Blocks of stages of efficientnetb0 that differ, as <stage>:<blocks>: 3:1,4:1 and 5:2 are "
        "the paper's simplified networks.",
        phases=("train",),
        used="efficientnet",
    )
    stage9: bool = setting(
        True, "Whether efficientnetb0 has its stage 9.", phases=("train",), used="efficientnet"
    )
    drop_connect: float = setting(
        0.2,
        "Rate at which efficientnetb0's last blocks are left out.",
        phases=("train",),
        low=0,
        below=1,
        used="efficientnet",
    )
    dropout: float = setting(
        0.2,
        "Dropout before efficientnetb0's output layer.",
        phases=("train",),
        low=0,
        below=1,
        used="efficientnet",
    )
    enlarge: int | None = setting(
        None,
        "Size to which efficientnetb0 enlarges images itself, on the device (bicubic); 0 for "
        "images as they are. Default: 224 for smaller images.",
        phases=("train",),
        low=0,
        high=4096,
        used="efficientnet",
    )
