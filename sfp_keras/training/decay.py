"""The decays of a learning rate by their texts."""

from sfp_keras.training.cosine import CosineDecay
from sfp_keras.training.schedule import StepDecay

Decay = StepDecay | CosineDecay


def parse_decay(text: str, cosine: CosineDecay | None = None) -> Decay:
    """Read a decay.

    Args:
        text: `str`. `cosine`, or what `StepDecay.parse` reads: `0.65/20`, `none`.
        cosine: `CosineDecay`. What `cosine` stands for. Default: down to 0, without a cool-down.

    Returns:
        A `StepDecay` or a `CosineDecay`.

    Raises:
        InputError: if the text cannot be read.
    """
    if text.strip().lower() == "cosine":
        return cosine or CosineDecay()
    return StepDecay.parse(text)
