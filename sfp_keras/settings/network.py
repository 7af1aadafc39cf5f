"""The network and its stages."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from sfp_keras.settings.field import Checked, setting


@dataclasses.dataclass(frozen=True)
class NetworkSettings(Checked):
    """Which network is used, from which weights, and where it is probed.

    Attributes:
        model: `str` or `None`. A network's name, a `.keras` file or `package.module:factory`.
        weights: `str` or `None`. Trained weights of a network with a name.
        initial_weights: `str` or `None`. Weights that training starts from.
        train: `bool`. Whether the network of a factory is trained.
        stages: tuple of `str`. Where it is probed; empty for its usual stages.
        list_stages: `bool`. Whether its stages are shown, and nothing else is done.
        pool: tuple of `str`. What heads read of stage outputs.
        at_chance: `str`. Whether a network that comes trained and guesses is probed.
        options: dict from the name of an option of the network to its value; those that are not
            there are at their defaults. Each kind of network has options of its own.
    """

    model: str = setting(
        "vgg6",
        "A network by its name; a .keras file; or package.module:factory, a function that returns "
        "a Keras model, such as keras.applications:MobileNetV2. Default: the preset's, or one for "
        "the data. Files and factories count as trained, factories unless `train` is given.",
        phases=("train",),
    )
    weights: str | None = setting(
        None,
        "Trained weights of a network with a name: safetensors with PyTorch's names, or "
        ".weights.h5; for efficientnetb0 also imagenet (keras.applications', downloaded once) or "
        "its .h5 file. The network then counts as trained.",
        phases=("train",),
    )
    initial_weights: str | None = setting(
        None,
        "Weights that training starts from, all but the output layer's: as `weights`, or a .keras "
        "file, whose layers are taken where name and shapes agree. Default: random.",
        phases=("train",),
        used="trains",
    )
    train: bool = setting(
        False,
        "Train a network given by package.module:factory, from its own initial weights.",
        phases=("train",),
        used="trains_own_model",
    )
    stages: tuple[str, ...] = setting(
        (),
        "Layers to probe, by name (nested: backbone/conv5; second call of a layer: name#1; the "
        "heads inside keras.layers.MultiHeadAttention: name/heads). Default: the papers', the "
        "heads and feed-forward outputs of a transformer's blocks, or the last layer before each "
        "spatial reduction.",
    )
    list_stages: bool = setting(False, "Show the layers that can be probed, and stop.")
    pool: tuple[str, ...] = setting(
        (),
        "What heads read of stage outputs: none for all, avg:<n>, max:<n>, global_avg; sequence, "
        "a mean over tokens with weights trained with the head; heads:<n>, the n attention heads "
        "whose outputs lie one behind another as filters; several joined by +, as in "
        "sequence+heads:4; or <stage>=<pool>, separated by commas. Default: the network's: avg:7 "
        "for efficientnetb0, sequence for cct.",
    )
    at_chance: str = setting(
        "stop",
        "Where a network that comes trained is right no more often than by guessing: stop, before "
        "heads are trained, or go_on.",
        choices=("stop", "go_on"),
    )
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
