"""What a network costs: parameters, zeros among them, operations, and bytes, layer by layer."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from sfp_keras.afcc.multiply_adds import multiply_adds
from sfp_keras.errors import InputError
from sfp_keras.layers import CompactDense
from sfp_keras.models.graph import check_model, layer_calls
from sfp_keras.traits.counting import UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

# Bytes of a number in float32.
_FLOAT = 4


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """What a layer costs, or a network as a whole.

    Attributes:
        layer: `str`. Its name, in a nested model behind the model's.
        kind: `str`. Its class.
        parameters: `int`. Numbers it stores, moving averages of batch norms included.
        nonzero: `int`. Those of them that are not zero.
        operations: `float`. Multiply-adds of its kernels for one input; NaN where not known.
        nonzero_operations: `float`. Those of weights that are not zero: what a runtime for
            sparse weights would make.
        dense_bytes: `int`. What its parameters take in a file, in float32; a compact head's with
            the bits of its mask.
        compact_bytes: `int`. What they take where zeros are left out: each array's other numbers
            in float32 and a bit for each of its places, or the whole array where that is less.
    """

    layer: str
    kind: str
    parameters: int
    nonzero: int
    operations: float
    nonzero_operations: float
    dense_bytes: int
    compact_bytes: int

    @property
    def sparsity(self) -> float:
        """The share of parameters that are zero; NaN where there are none."""
        return 1 - self.nonzero / self.parameters if self.parameters else math.nan


@dataclasses.dataclass(frozen=True, repr=False)
class NetworkReport:
    """What a network costs, layer by layer and in all.

    Attributes:
        name: `str`. Of the model.
        layers: a `LayerCost` for each call of a layer that has parameters or makes multiply-adds;
            parameters of a layer that is called again count once.
        uncounted: names of the layers whose operations are not known; they count as none.
    """

    name: str
    layers: tuple[LayerCost, ...]
    uncounted: tuple[str, ...]

    @property
    def total(self) -> LayerCost:
        """The sum over the layers."""
        return LayerCost(
            "total",
            self.name,
            sum(one.parameters for one in self.layers),
            sum(one.nonzero for one in self.layers),
            float(np.nansum([one.operations for one in self.layers])),
            float(np.nansum([one.nonzero_operations for one in self.layers])),
            sum(one.dense_bytes for one in self.layers),
            sum(one.compact_bytes for one in self.layers),
        )

    @property
    def parameters(self) -> int:
        """Numbers that the network stores."""
        return self.total.parameters

    @property
    def nonzero(self) -> int:
        """Those of them that are not zero."""
        return self.total.nonzero

    @property
    def sparsity(self) -> float:
        """The share of them that are zero."""
        return self.total.sparsity

    @property
    def dense_bytes(self) -> int:
        """What it takes in a file, in float32."""
        return self.total.dense_bytes

    @property
    def compact_bytes(self) -> int:
        """What it takes where zeros are left out and a bit for each place says where they are."""
        return self.total.compact_bytes

    @property
    def operations(self) -> float:
        """Multiply-adds for one input, without layers that are `uncounted`."""
        return self.total.operations

    def to_frame(self) -> pd.DataFrame:
        """A row a layer and one of the total: the attributes of `LayerCost`, and the sparsity."""
        return _frame([*self.layers, self.total])

    def beside(self, **others: NetworkReport | keras.Model) -> pd.DataFrame:
        """Networks in a table, each with its share of this one's parameters and operations.

        Example:

        ```
        network_report(model).beside(pruned=smaller, compact=compact_head(smaller))
        ```

        Args:
            **others: by name, reports or the models themselves.

        Returns:
            `DataFrame`, this network first: network, the attributes of `LayerCost`, the sparsity,
            parameters_share, operations_share.
        """
        return compared({self.name: self, **others})

    def __repr__(self) -> str:
        return (
            f"NetworkReport({self.name}: {self.parameters:,} parameters, {self.sparsity:.1%} "
            f"zeros, {self.operations:,.0f} multiply-adds)"
        )

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False, float_format=lambda x: f"{x:,.4g}")


def network_report(model: keras.Model, input_shape: tuple[int, ...] | None = None) -> NetworkReport:
    """Count a network's parameters, the zeros among them, its multiply-adds, and its bytes.

    Example:

    ```
    network_report(model).to_frame()
    ```

    Args:
        model: any built `keras.Model`. Of subclassed models the parameters alone are counted,
            for they have no graph that tells the shapes.
        input_shape: of one input, such as `(224, 224, 3)`, for a model of inputs of any size.
            Default: the model's own.

    Returns:
        A `NetworkReport`.

    Raises:
        InputError: if it is no Keras model, or has no weights yet.
    """
    check_model(model)
    if not model.built:
        raise InputError(f"`model`: {model.name!r} has no weights yet: call it on an input first")
    costs, uncounted, seen = [], [], set()
    others = {id(weight): weight for weight in model.weights}
    for path, layer, inputs, outputs in _calls(model, input_shape):
        weights = [] if id(layer) in seen else list(getattr(layer, "weights", ()))
        seen.add(id(layer))
        operations = multiply_adds(layer, inputs, outputs) if outputs else UNKNOWN
        if not weights and (operations == (0.0, 0.0) or not outputs):
            continue
        if math.isnan(operations[0]):
            uncounted.append(path)
        for weight in weights:
            others.pop(id(weight), None)
        costs.append(_cost(path, layer, weights, operations))
    if others:
        # Of a subclassed model, which may have weights in no layer.
        costs.append(_cost(model.name, model, list(others.values()), UNKNOWN))
        uncounted.append(model.name)
    return NetworkReport(model.name, tuple(costs), tuple(uncounted))


def _cost(
    path: str, layer: Any, weights: Sequence[Any], operations: tuple[float, float]
) -> LayerCost:
    arrays = [keras.ops.convert_to_numpy(weight) for weight in weights]
    parameters, nonzero = (
        sum(int(count(array)) for array in arrays) for count in (np.size, np.count_nonzero)
    )
    mask = _bits(layer.mask.size) if weights and isinstance(layer, CompactDense) else 0
    dense = _FLOAT * parameters + mask
    compact = sum(map(_compact_bytes, arrays)) + mask
    kind = type(layer).__name__
    return LayerCost(path, kind, parameters, nonzero, *operations, dense, compact)


def compared(networks: Mapping[str, NetworkReport | keras.Model]) -> pd.DataFrame:
    """Networks in a table, each with its share of the first one's parameters and operations.

    Args:
        networks: dict from a name to a `NetworkReport`, or to a model.

    Returns:
        `DataFrame` with the columns of `NetworkReport.beside`.
    """
    reports = {
        name: one if isinstance(one, NetworkReport) else network_report(one)
        for name, one in networks.items()
    }
    table = _frame([one.total for one in reports.values()]).drop(columns=["layer", "kind"])
    table.insert(0, "network", list(reports))
    for name in ("parameters", "operations"):
        table[f"{name}_share"] = table[name] / table[name].iloc[0]
    return table


def _compact_bytes(array: np.ndarray) -> int:
    return min(_FLOAT * array.size, _FLOAT * int(np.count_nonzero(array)) + _bits(array.size))


def _bits(size: int) -> int:
    """Bytes of as many bits."""
    return -(-size // 8)


def _frame(costs: list[LayerCost]) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame([dataclasses.asdict(one) for one in costs])
    table.insert(list(table).index("nonzero") + 1, "sparsity", [one.sparsity for one in costs])
    return table


_Call = tuple[str, Any, tuple[int, ...], tuple[int, ...]]


def _calls(model: keras.Model, input_shape: tuple[int, ...] | None) -> Iterator[_Call]:
    """Path, layer and shapes of every call; no shapes where the model has no graph."""
    calls = layer_calls(model, input_shape)
    if calls is None:
        for layer in model.layers:
            yield layer.name, layer, (), ()
        return
    for call in calls:
        if not call.nested:
            shapes = [tuple(x[0].shape) if x else () for x in (call.inputs, call.outputs)]
            yield call.path, call.operation, *shapes
