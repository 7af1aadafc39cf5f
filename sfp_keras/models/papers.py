"""Where the papers probe their networks."""

from sfp_keras.errors import InputError
from sfp_keras.models.efficientnet import EFFICIENTNET_NAMES
from sfp_keras.models.vgg import VGG_NAMES, vgg_layers

PAPER_MODELS = (*VGG_NAMES, *EFFICIENTNET_NAMES)


def paper_stages(name: str, stage9: bool = True) -> tuple[str, ...]:
    """Name the stages at which the papers probe a network of theirs.

    Args:
        name: `str`. One of `vgg6`, `vgg11`, `vgg16`, `avgg16`, `efficientnetb0`.
        stage9: `bool`. Whether an EfficientNet has its stage 9; without, stage 8 takes its
            place. Defaults to `True`.

    Returns:
        Stage names, input side first: `("layer2", "layer4", ...)`, `("stage1", "stage3", ...)`.
        A VGG's stage is measured after the pooling of its layer (paper 1, methods), an
        EfficientNet's after an average pooling of 7x7 (paper 2, methods).

    Raises:
        InputError: if the name is not one of the papers' networks.
    """
    if name in EFFICIENTNET_NAMES:
        return tuple(f"stage{number}" for number in (1, 3, 4, 5, 7, 9 if stage9 else 8))
    if name not in VGG_NAMES:
        raise InputError(f"model {name!r} is not one of {', '.join(PAPER_MODELS)} (--model)")
    return tuple(f"layer{number}" for number in vgg_layers(name))
