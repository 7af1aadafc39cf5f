"""A Dense layer some of whose weights are exactly zero, always."""

import functools
import warnings
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.src.backend.common.symbolic_scope import in_symbolic_scope  # Keras has no public one.

from sfp_keras.errors import InputError
from sfp_keras.layers.mask_constraint import MaskConstraint, masked
from sfp_keras.layers.packed_mask import as_mask, pack_mask, unpack_mask


@keras.saving.register_keras_serializable(package="sfp_keras")
class MaskedDense(keras.layers.Dense):
    """A densely connected layer whose weights outside a mask are exactly zero, always.

    The zeros hold after building, `set_weights`, loading, averaging and every step of any
    optimiser: a `MaskConstraint` sets them after each update, every assignment to the kernel
    does, and the forward pass reads the kernel through the mask, so that masked weights get no
    gradient. The mask is saved with the layer. It saves no time and no memory by itself.

    Example:

    ```
    mask = np.random.default_rng(0).random((2048, 100)) < 0.05
    layer = MaskedDense(100, mask, use_bias=False)
    ```

    Args:
        units: `int`. Number of outputs, K.
        mask: true (or 1) where a weight is free: an array (inputs, units); or (P, F, units) with
            `P * F` inputs; or (F, units), one row a filter, for inputs that are a flattened map
            of F channels, last. Defaults to `None`: every weight is free until `set_mask`.
        activation: as in `keras.layers.Dense`. Defaults to `None`.
        use_bias: as in `keras.layers.Dense`. Defaults to `True`.
        kernel_initializer: as in `keras.layers.Dense`. Defaults to `"glorot_uniform"`.
        active_fan_in: `bool`. Whether each unit's initial weights are enlarged by
            `sqrt(inputs / its free inputs)`, so that outputs begin with the variance that a full
            layer's have. Defaults to `False`.
        kernel_constraint: another constraint, applied before the mask. Defaults to `None`.
        **kwargs: the other arguments of `keras.layers.Dense`.

    Raises:
        InputError: if the mask holds anything but zeros and ones, keeps no weight, or does not
            fit the units or, when the layer is built, the inputs.

    Input shape: `(batch, ..., inputs)`. Output shape: `(batch, ..., units)`.
    """

    kernel_initializer: Any

    def __init__(
        self,
        units: int,
        mask: Any = None,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        *,
        active_fan_in: bool = False,
        kernel_constraint: Any = None,
        **kwargs: Any,
    ):
        for name in ("lora_rank", "quantization_config"):
            if kwargs.pop(name, None) is not None:
                raise InputError(f"MaskedDense does not support `{name}`: it would fill its zeros")
        super().__init__(
            units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            **kwargs,
        )
        self.active_fan_in = bool(active_fan_in)
        self._constraint = keras.constraints.get(kernel_constraint)
        # As given, so that a configuration does not grow with the positions of a filter.
        self._mask = None if mask is None else self._checked(mask)
        self._full: np.ndarray | None = None
        # Whether a compiled function holds a mask, and which: the last one that was traced.
        self._compiled = False
        self._compiled_mask: Any = None

    @property
    def mask(self) -> np.ndarray | None:
        """bool (inputs, units), `None` where every weight is free; before building, as given."""
        return self._full if self.built else self._mask

    def set_mask(self, mask: Any, model: keras.Model | None = None) -> None:
        """Give the layer another mask; weights outside it become zero at once.

        Compiled functions keep the mask they were made with, as they keep `trainable`: give the
        model the layer is in, or call its `compile()` again. Until then its predictions are wrong
        and its training does not hold the new mask's zeros; a warning is given.

        Args:
            mask: as the constructor takes it; `None` frees every weight.
            model: compiled model whose training, test and prediction functions are rebuilt.
                Its optimiser keeps its state. Defaults to `None`.

        Raises:
            InputError: as the constructor, also where the mask does not fit the inputs.
        """
        checked = None if mask is None else self._checked(mask)
        full: Any = self._full_mask(checked) if self.built else None
        self._mask = checked
        if self.built:
            self._apply(full)
        if model is None and self._compiled and not np.array_equal(full, self._compiled_mask):
            warnings.warn(
                f"layer {self.name!r} has another mask now, but functions compiled before keep the "
                "old mask: call model.compile() again, or set_mask(mask, model=model)",
                stacklevel=2,
            )
        if model is not None:
            self._compiled = False
            model.train_function = model.test_function = model.predict_function = None
            self._mask_slots(getattr(model, "optimizer", None))

    def build(self, input_shape: Any) -> None:
        """Make the weights; masked ones are zero from the beginning."""
        self._inputs = int(input_shape[-1])
        full = self._full_mask(self._mask)
        initializer = self.kernel_initializer
        self.kernel_initializer = functools.partial(self._initial, initializer, full)
        try:
            super().build(input_shape)
        finally:
            self.kernel_initializer = initializer
        plain: Any = type(self._kernel)
        self._kernel.__class__ = _masked_variable(plain)
        self._apply(full)

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Return `activation(inputs @ (kernel * mask) + bias)`."""
        if _in_compiled_function(inputs):
            self._compiled, self._compiled_mask = True, self._full
        kernel = self._kernel if self._full is None else masked(self._kernel, self._full)
        outputs = ops.matmul(inputs, kernel)
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, the mask packed."""
        config = super().get_config()
        config["kernel_constraint"] = keras.constraints.serialize(self._constraint)
        config["mask"] = None if self._mask is None else pack_mask(self._mask)
        config["active_fan_in"] = self.active_fan_in
        return config

    def save_own_variables(self, store: Any) -> None:
        """Write the weights, and the mask beside them."""
        super().save_own_variables(store)
        if self.built and self._mask is not None:
            packed = pack_mask(self._mask)
            store["mask_shape"] = np.array(packed["shape"], np.int64)
            store["mask_bits"] = np.frombuffer(packed["bits"].encode(), np.uint8)

    def load_own_variables(self, store: Any) -> None:
        """Read the weights, and the mask where one was saved.

        Functions that were compiled with another mask keep it, as with `set_mask`: call
        `model.compile()` again after loading. Files of models with a plain Dense layer in this
        one's place do not fit: hand its weights over with `set_weights`.
        """
        names = [name for name in store.keys() if not name.startswith("mask_")]  # noqa: SIM118
        if "mask_bits" in store.keys():  # noqa: SIM118
            packed = {
                "shape": np.asarray(store["mask_shape"]).tolist(),
                "bits": np.asarray(store["mask_bits"]).tobytes().decode(),
            }
            self.set_mask(unpack_mask(packed))
        super().load_own_variables({name: store[name] for name in names})

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> None:
        """Refuse: quantised kernels are stored in a form that masks do not reach."""
        raise NotImplementedError("MaskedDense cannot be quantized")

    def enable_lora(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: low-rank updates would fill the zeros."""
        raise NotImplementedError("MaskedDense cannot use LoRA: it would fill its zeros")

    def _checked(self, mask: Any) -> np.ndarray:
        """A mask as given, after all checks that need no input shape."""
        array = as_mask(mask)
        if array.ndim not in (2, 3) or array.shape[-1] != self.units:
            raise InputError(
                f"`mask` must have shape (inputs, {self.units}), (filters, {self.units}) or "
                f"(positions, filters, {self.units}), received {array.shape}"
            )
        silent = np.flatnonzero(~array.any(axis=tuple(range(array.ndim - 1))))
        if silent.size:
            listed = ", ".join(map(str, silent[:10])) + (", ..." if silent.size > 10 else "")
            warnings.warn(
                f"mask: {silent.size} of {self.units} units have no free weight and put out their "
                f"bias alone: {listed}",
                stacklevel=4,
            )
        return array

    def _full_mask(self, mask: np.ndarray | None) -> np.ndarray | None:
        """The mask as (inputs, units)."""
        if mask is None:
            return None
        rows = int(np.prod(mask.shape[:-1], dtype=int))
        if rows == self._inputs:
            return mask.reshape(rows, self.units)
        if mask.ndim == 3 or self._inputs % rows:
            raise InputError(
                f"`mask` of shape {mask.shape} does not fit a layer of {self._inputs} inputs and "
                f"{self.units} units"
            )
        # Flattened with channels last: filter f stands at f, F + f, 2F + f, ...
        return np.tile(mask, (self._inputs // rows, 1))

    def _initial(
        self, initializer: Any, mask: np.ndarray | None, shape: Any, dtype: Any = None
    ) -> Any:
        """Initial weights, by construction zero outside the mask."""
        weights = initializer(shape, dtype=dtype)
        if mask is None:
            return weights
        if self.active_fan_in:
            scale = np.sqrt(self._inputs / np.maximum(1, mask.sum(axis=0)))
            weights = weights * ops.cast(scale, weights.dtype)
        return masked(weights, mask)

    def _apply(self, full: np.ndarray | None) -> None:
        """Hold the kernel's zeros from now on."""
        self._full = full
        kernel: Any = self._kernel
        kernel.mask = full
        kernel.constraint = self.kernel_constraint = (
            self._constraint if full is None else MaskConstraint(full, self._constraint)
        )
        kernel.assign(kernel.value)

    def _mask_slots(self, optimizer: Any) -> None:
        """Forget what an optimiser keeps of weights that are masked now.

        Momentum would move them between update and constraint, which is when averages are taken;
        TensorFlow then writes the averages into the weights without asking the variable.
        """
        if self._full is None or not getattr(optimizer, "built", False):
            return
        prefix = self._kernel.path.replace("/", "_") + "_"
        for slot in optimizer.variables:
            if slot.name.startswith(prefix) and tuple(slot.shape) == self._full.shape:
                slot.assign(masked(slot.value, self._full))


def _in_compiled_function(inputs: Any) -> bool:
    """Whether a call is traced, so that a compiled function will hold its constants."""
    if in_symbolic_scope():
        return False  # Only shapes are asked for.
    if keras.backend.backend() == "jax":
        import jax

        return isinstance(inputs, jax.core.Tracer)
    # TensorFlow's: tensors of eager calls have none.
    return hasattr(inputs, "graph")


@functools.cache
def _masked_variable(base: Any) -> Any:
    """A class of variables that keep zeros outside their mask, also when assigned others."""

    class MaskedVariable(base):
        mask: np.ndarray | None = None

        def assign(self, value: Any) -> Any:
            if self.mask is not None:
                # The dtype of the variable, not of a surrounding autocast scope.
                value = masked(ops.convert_to_tensor(value, dtype=self._dtype), self.mask)
            return super().assign(value)

    MaskedVariable.__name__ = MaskedVariable.__qualname__ = base.__name__
    return MaskedVariable
