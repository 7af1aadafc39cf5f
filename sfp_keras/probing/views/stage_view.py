"""The view of one stage: layers behind the cut, and layers that are trained with the head."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from sfp_keras.errors import InputError
from sfp_keras.probing.views.registry import Seen, parse_view


@dataclasses.dataclass(frozen=True)
class StageView:
    """What a head reads of a stage.

    Attributes:
        stage: `str`. The stage's name.
        shape: of its outputs, without the batch axis; filters are the last axis.
        text: `str`. As `pool` gives it: `avg:7`, or `sequence+heads:4`, one behind another.
            Empty for the outputs as they are.
        called: `str`. What one of the stage's filters is called where that is another word than
            `filter` or `node`.
    """

    stage: str
    shape: tuple[int, ...]
    text: str
    called: str = ""

    @property
    def kind(self) -> str:
        """What a filter is: `filter` of a map, `node` of a vector or tokens, `head`, `branch`."""
        shown = [parse_view(text, self.text)[0].shows for text in self._texts]
        own = self.called or ("filter" if len(self.shape) > 2 else "node")
        return next(filter(None, reversed(shown)), own)

    @property
    def _texts(self) -> list[str]:
        return self.text.split("+") if self.text else []

    @property
    def seen(self) -> tuple[int, ...]:
        """The shape of what the head reads, (*positions, F).

        Raises:
            InputError: as `fixed`.
        """
        return self._parts(0)[2]

    def fixed(self) -> list[Any]:
        """The layers in front of all that is learnt.

        Raises:
            InputError: if the text is misspelt, or does not fit the stage.
        """
        return self._parts(0)[0]

    def learnt(self, seed: int = 0) -> list[Any]:
        """New, built layers that are trained with the head, and those behind them.

        Args:
            seed: `int`. Of their first weights.

        Returns:
            A list, empty where nothing is learnt.
        """
        return self._parts(seed)[1]

    def trained(self, weights: Mapping[str, np.ndarray]) -> list[Any]:
        """`learnt` with these weights, as `pooling_weights` gave them.

        Raises:
            InputError: if they are not the view's.
        """
        layers = self.learnt()
        found = {name: variable for layer in layers for name, variable in _named(layer).items()}
        shapes = {name: tuple(variable.shape) for name, variable in found.items()}
        if shapes != {name: np.shape(array) for name, array in weights.items()}:
            given = {name: np.shape(array) for name, array in weights.items()}
            raise InputError(
                f"`kernels`: stage {self.stage} is seen by `pool`={self.text}, whose weights have "
                f"shapes {shapes}; its head has {given or 'none'}: give the `Head` that "
                "`train_heads` made of it"
            )
        for name, variable in found.items():
            variable.assign(weights[name])
        return layers

    def _parts(self, seed: int) -> tuple[list[Any], list[Any], tuple[int, ...]]:
        fixed: list[Any] = []
        learnt: list[Any] = []
        shape, before = self.shape, Counter[str]()
        for text in self._texts:
            view, number = parse_view(text, self.text)
            if view.learnt and learnt:
                raise InputError(f"`pool`={self.text}: there can be only one pooling with weights")
            into = learnt if view.learnt or learnt else fixed
            seen = Seen(self.stage, shape, text, number, seed, before[view.name])
            before[view.name] += 1
            for layer in view.layers(seen):
                if into is learnt:
                    layer.build((None, *shape))
                shape = tuple(layer.compute_output_shape((None, *shape))[1:])
                into.append(layer)
        return fixed, learnt, shape


def apply_layers(layers: list[Any], tensor: Any) -> Any:
    """Call layers one behind another."""
    for layer in layers:
        tensor = layer(tensor)
    return tensor


def pooling_weights(layers: list[Any]) -> dict[str, np.ndarray]:
    """The weights of learnt layers by their names."""
    return {
        name: np.asarray(ops.convert_to_numpy(variable), np.float32)
        for layer in layers
        for name, variable in _named(layer).items()
    }


def _named(layer: Any) -> dict[str, keras.Variable]:
    return {variable.name: variable for variable in layer.trainable_variables}
