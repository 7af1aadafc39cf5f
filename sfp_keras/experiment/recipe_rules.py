"""What an experiment's recipe decides: which of its settings do something."""

import re

from sfp_keras.settings import AugmentationSettings, TrainingSettings

_COSINE = re.compile(r"\bdecay\s*=\s*cosine\b", re.IGNORECASE)


class RecipeRules:
    """The properties of an experiment that ask how it trains."""

    training: TrainingSettings
    augmentation: AugmentationSettings

    @property
    def trains(self) -> bool:
        """Whether the command trains the network."""
        raise NotImplementedError

    @property
    def trains_by_sgd(self) -> bool:
        """Whether the network is trained by stochastic gradient descent."""
        return self.trains and self.training.recipe.optimizer == "sgd"

    @property
    def trains_by_adamw(self) -> bool:
        """Whether the network is trained by AdamW."""
        return self.trains and self.training.recipe.optimizer == "adamw"

    @property
    def warms_up(self) -> bool:
        """Whether training begins with a rising learning rate."""
        return self.trains and self.training.recipe.warmup_epochs > 0

    @property
    def decays_by_cosine(self) -> bool:
        """Whether the learning rate, or that of a group, falls as a cosine does."""
        texts = f"decay={self.training.decay}", *self.training.group
        return self.trains and any(_COSINE.search(text) for text in texts)

    @property
    def rand_augments(self) -> bool:
        """Whether operations of RandAugment change training images."""
        return self.trains and self.augmentation.recipe.rand_augment > 0
