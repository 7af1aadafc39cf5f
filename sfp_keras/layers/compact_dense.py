"""A Dense layer that stores the weights inside a mask and no others."""

import math
import zlib
from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from sfp_keras.errors import InputError, as_whole
from sfp_keras.layers.masked_dense import MaskedDense
from sfp_keras.layers.packed_mask import as_mask, pack_mask
from sfp_keras.traits import LayerTraits, register_traits
from sfp_keras.traits.counting import used_at
from sfp_keras.traits.registry import Operations

# Of one number each, so that they mean the same on a vector of weights as on a matrix.
_ELEMENTWISE_REGULARIZERS = (
    keras.regularizers.L1,
    keras.regularizers.L2,
    keras.regularizers.L1L2,
)


@keras.saving.register_keras_serializable(package="sfp_keras")
class CompactDense(keras.layers.Layer):
    """A densely connected layer that stores its kept weights alone.

    It computes what `MaskedDense` with the same mask and weights computes, and can be trained:
    weights outside the mask do not exist. It saves bytes, in files (one number for each kept
    weight, and at most one bit for each weight of the matrix) and in optimisers. It saves no
    time: each call scatters the weights into a matrix, which is then multiplied, for on a CPU no
    sparse product is faster throughout at the sizes of the papers' heads.

    Example:

    ```
    head = CompactDense.from_masked(masked_head)
    ```

    Args:
        units: `int`. Number of outputs, K.
        mask: bools, or 0 and 1, true where a weight is kept: array (inputs, units), or
            (P, F, units) for `P * F` inputs.
        activation: as in `keras.layers.Dense`. Defaults to `None`.
        use_bias: as in `keras.layers.Dense`. Defaults to `True`.
        kernel_initializer: as in `keras.layers.Dense`; draws the whole (inputs, units) matrix, of
            which the kept weights are taken. Defaults to `"glorot_uniform"`.
        bias_initializer: as in `keras.layers.Dense`. Defaults to `"zeros"`.
        kernel_regularizer: of the vector of kept weights. Defaults to `None`.
        bias_regularizer: as in `keras.layers.Dense`. Defaults to `None`.
        kernel_constraint: of the vector of kept weights. Defaults to `None`.
        bias_constraint: as in `keras.layers.Dense`. Defaults to `None`.
        **kwargs: `name`, `dtype`, `trainable`, `activity_regularizer`.

    Raises:
        InputError: if the mask holds anything but zeros and ones, keeps no weight, or does not
            fit the units or, when the layer is built, the inputs.

    Input shape: `(batch, ..., inputs)`. Output shape: `(batch, ..., units)`.
    """

    def __init__(
        self,
        units: int,
        mask: Any,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.units = units = as_whole("units", units, 1)
        self._mask = as_mask(mask)
        if self._mask.ndim not in (2, 3) or self._mask.shape[-1] != units:
            raise InputError(
                f"`mask` must have shape (inputs, {units}) or (positions, filters, {units}), "
                f"received {self._mask.shape}"
            )
        self.activation = keras.activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        # int32 rows and columns of the kept weights, in the order of `values`; constants of the
        # compiled functions, as the mask of MaskedDense is.
        self._places = np.argwhere(self.mask).astype(np.int32)

    @classmethod
    def from_masked(cls, layer: MaskedDense) -> Self:
        """Make a compact layer of a masked one's weights; the masked layer is left as it is.

        Of the masked layer's regularizer and constraint of the kernel those are kept that are
        sums over, or bounds of, single weights: L1, L2, both, and `NonNeg`.

        Args:
            layer: built `MaskedDense` with a mask.

        Returns:
            A built layer of this class and of the same name, with equal outputs.

        Raises:
            InputError: if the layer is no `MaskedDense`, is not built or has no mask.
        """
        if not isinstance(layer, MaskedDense):
            raise InputError(f"from_masked takes a MaskedDense, received {type(layer).__name__}")
        if not layer.built or layer.mask is None:
            lack = "is not built: call it on an input" if not layer.built else "has no mask"
            raise InputError(f"layer {layer.name!r} {lack}, so it has no weights to leave out")
        config = layer.get_config()
        config["mask"] = layer.mask
        # Functions of other libraries, and those without a name, are not found by their name.
        config["activation"] = layer.activation
        for name in ("active_fan_in", "lora_rank", "lora_alpha", "quantization_config"):
            config.pop(name, None)
        if not isinstance(layer.kernel_regularizer, _ELEMENTWISE_REGULARIZERS):
            config["kernel_regularizer"] = None
        constraint = keras.constraints.get(config["kernel_constraint"])
        if not isinstance(constraint, keras.constraints.NonNeg):
            config["kernel_constraint"] = None
        compact = cls.from_config(config)
        compact.build((None, layer.mask.shape[0]))
        kernel, *bias = layer.get_weights()
        compact.set_weights([kernel[layer.mask], *bias])
        return compact

    @property
    def mask(self) -> np.ndarray:
        """bool (inputs, units)."""
        return self._mask.reshape(-1, self.units)

    @property
    def kernel(self) -> Any:
        """The weights as a matrix (inputs, units), a copy; to train them, use `values`."""
        return ops.scatter(self._places, self.values, self.mask.shape)

    def build(self, input_shape: Any) -> None:
        """Make the weights: `values`, one for each true element of the mask, row by row."""
        inputs, units = self.mask.shape
        if input_shape[-1] != inputs:
            raise InputError(
                f"`mask` of shape {self._mask.shape} does not fit a layer of {input_shape[-1]} "
                f"inputs and {units} units"
            )
        self.values = self.add_weight(
            name="values",
            shape=(len(self._places),),
            initializer=self._initial,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: inputs})

    def call(self, inputs: Any) -> Any:
        """Return `activation(inputs @ kernel + bias)`."""
        outputs = ops.matmul(inputs, self.kernel)
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)
        return self.activation(outputs)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """Return the input shape with `units` for its last axis."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, the mask packed."""
        return {
            **super().get_config(),
            "units": self.units,
            "mask": pack_mask(self._mask),
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
        }

    def save_own_variables(self, store: Any) -> None:
        """Write the weights, and a checksum of the mask, which is what gives them places."""
        super().save_own_variables(store)
        store["mask_crc32"] = np.array([self._checksum()], np.int64)

    def load_own_variables(self, store: Any) -> None:
        """Read the weights.

        Raises:
            InputError: if they were saved by a layer with another mask.
        """
        names = list(store.keys())
        if "mask_crc32" not in names or int(store["mask_crc32"][0]) != self._checksum():
            raise InputError(
                f"the weights saved for layer {self.name!r} are not those of a CompactDense with "
                "its mask: make the layer with the mask they were saved with, or load the whole "
                ".keras model"
            )
        super().load_own_variables({n: store[n] for n in names if n != "mask_crc32"})

    def _initial(self, shape: Any, dtype: Any = None) -> Any:
        """Initial weights: what the whole matrix would have at the kept places."""
        whole = self.kernel_initializer(self.mask.shape, dtype=dtype)
        return ops.take(ops.reshape(whole, (-1,)), np.flatnonzero(self.mask))

    def _checksum(self) -> int:
        return zlib.crc32(np.packbits(self.mask).tobytes(), self.mask.shape[0])


def _count(layer: Any, inputs: Sequence[int], outputs: Sequence[int]) -> Operations:
    # Scattered into the whole matrix, which is multiplied.
    places = math.prod(outputs[1:-1])
    return float(places * layer.mask.size), used_at(places, layer.values)[1]


register_traits(CompactDense, LayerTraits("made", multiply_adds=_count))
