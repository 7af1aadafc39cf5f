"""The learning rate of vision transformers: a warm-up, half a cosine, a cool-down.

As `CosineLRScheduler` of timm (PyTorch Image Models) has it with steps of whole epochs, which the
public recipe of compact convolutional transformers uses: the rate of epoch t is

    warmup_lr + t (lr - warmup_lr) / W                       for t < W,
    min_lr + (lr - min_lr) (1 + cos(pi t / (E - C))) / 2     for W <= t < E - C,
    min_lr                                                   for the last C of E epochs.

The cosine begins at epoch 0, below the warm-up.
"""

import dataclasses
import math
from fractions import Fraction


@dataclasses.dataclass(frozen=True)
class CosineDecay:
    """Half a cosine from the initial learning rate to a least one, then constant.

    Attributes:
        min_lr: `float`. The least learning rate.
        cooldown: `int`. Epochs at the end that stay at it.
    """

    min_lr: float = 0.0
    cooldown: int = 0

    def rate(self, initial: float, epoch: Fraction, epochs: int) -> float:
        """The learning rate at an epoch, counted from 0, of a schedule of `epochs`."""
        falling = epochs - self.cooldown
        if epoch >= falling:
            return self.min_lr
        share = (1 + math.cos(math.pi * float(epoch / falling))) / 2
        return self.min_lr + (initial - self.min_lr) * share


@dataclasses.dataclass(frozen=True)
class WarmUp:
    """Epochs at the beginning in which the learning rate rises evenly.

    Attributes:
        epochs: `int`. How many; 0 for none.
        first: `float`. The learning rate at epoch 0.
    """

    epochs: int = 0
    first: float = 0.0

    def rate(self, initial: float, epoch: Fraction) -> float:
        """The learning rate at an epoch before the last of the warm-up."""
        return self.first + (initial - self.first) * float(epoch / self.epochs)


NO_WARM_UP = WarmUp()
