"""What turns a Keras layer with a kernel into one some of whose weights are exactly zero, always.

A masked layer is a class of two parents and a few lines:

```
@keras.saving.register_keras_serializable(package="sfp_keras")
class MaskedConv3D(MaskedKernel, keras.layers.Conv3D):
    plain = keras.layers.Conv3D
    summed_axes = (0, 1, 2, 3)
```
"""

import contextvars
import functools
import warnings
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops
from keras.src.backend.common.symbolic_scope import in_symbolic_scope  # Keras has no public one.

from sfp_keras.errors import InputError
from sfp_keras.layers.mask_constraint import MaskConstraint, masked
from sfp_keras.layers.packed_mask import as_mask, pack_mask, unpack_mask
from sfp_keras.traits import register_traits, traits_of_kind

# The layer whose `call` runs: it reads its kernel through the mask. One for each thread.
_CALLED: contextvars.ContextVar[Any] = contextvars.ContextVar("called", default=None)


class MaskedKernel(keras.layers.Layer):
    """The first parent of a layer whose kernel's weights outside a mask are exactly zero, always.

    The zeros hold after building, `set_weights`, loading, averaging and every step of any
    optimiser: a `MaskConstraint` sets them after each update, every assignment to the kernel
    does, and the forward pass reads the kernel through the mask, so that masked weights get no
    gradient. (An optimiser that mixes the gradients of a kernel, as Muon, averages other than zeros
    where `use_ema=True`: the forward pass does not read them, and any assignment clears them.)
    The mask is saved with the layer. It saves no time and no memory by itself.

    The second parent is a Keras layer that makes one kernel, `add_weight(name="kernel")`, and
    reads it as `self.kernel` in `call`.

    Args:
        *args: those of the second parent.
        mask: true (or 1) where a weight is free: an array of the kernel's shape, of which axes
            may be 1 where the mask is the same all along, or a short form of the class. `None`
            frees every weight until `set_mask`. Defaults to `None`.
        active_fan_in: `bool`. Whether the initial weights of each output are enlarged by
            `sqrt(fan-in / free fan-in)`, so that outputs begin with the variance that a full
            layer's have. Defaults to `False`.
        **kwargs: those of the second parent. Its constraint of the kernel is applied before the
            mask.

    Attributes:
        plain: the second parent.
        summed_axes: axes of the kernel that an output sums over.
        role: what the second parent's arguments call the kernel, as in `kernel_constraint`.
        short_forms: the class's other shapes of a mask, in words.

    Raises:
        InputError: if the mask holds anything but zeros and ones, keeps no weight, or, when the
            layer is built, does not fit the kernel.
    """

    plain: ClassVar[type]
    summed_axes: ClassVar[tuple[int, ...]]
    role: ClassVar[str] = "kernel"
    short_forms: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give a masked kind the traits of its plain one."""
        super().__init_subclass__(**kwargs)
        traits = traits_of_kind(cls.plain) if hasattr(cls, "plain") else None
        if traits is not None:
            register_traits(cls, traits)

    def __init__(
        self, *args: Any, mask: Any = None, active_fan_in: bool = False, **kwargs: Any
    ) -> None:
        for name in ("lora_rank", "quantization_config"):
            if kwargs.pop(name, None) is not None:
                raise InputError(
                    f"{type(self).__name__} does not support `{name}`: it would fill its zeros"
                )
        super().__init__(*args, **kwargs)
        self.active_fan_in = bool(active_fan_in)
        self._constraint = getattr(self, f"{self.role}_constraint")
        # As given, so that a configuration does not grow with what a short form leaves out.
        self._mask = None if mask is None else self._checked(mask)
        # Of as many axes as the kernel, 1 where it is the same all along.
        self._full: np.ndarray | None = None
        self._kernel: Any = None
        # Whether a compiled function holds a mask, and which: the last one that was traced.
        self._compiled = False
        self._compiled_mask: Any = None

    @property
    def mask(self) -> np.ndarray | None:
        """bool, of the kernel's shape; `None` where all is free; before building, as given."""
        if self._kernel is None:
            return self._mask
        if self._full is None:
            return None
        return np.broadcast_to(self._full, tuple(self._kernel.shape))

    @property
    def kernel(self) -> Any:
        """The variable that holds the weights."""
        if self._kernel is None:
            raise AttributeError(f"layer {self.name!r} has no kernel yet: build it")
        if _CALLED.get() is self and self._full is not None:
            return masked(self._kernel, self._full)
        return self._kernel

    @kernel.setter
    def kernel(self, variable: Any) -> None:
        self._kernel = variable

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
            InputError: as the constructor, also where the mask does not fit the kernel.
        """
        checked = None if mask is None else self._checked(mask)
        full: Any = None
        if self.built:
            full = self.fitted(checked, tuple(self._kernel.shape))
        self._mask = checked
        if self.built:
            self._apply(full)
        if model is None and self._compiled and not _equal(full, self._compiled_mask):
            warnings.warn(
                f"layer {self.name!r} has another mask now, but functions compiled before keep the "
                "old mask: call model.compile() again, or set_mask(mask, model=model)",
                stacklevel=2,
            )
        if model is not None:
            self._compiled = False
            model.train_function = model.test_function = model.predict_function = None
            self._mask_slots(getattr(model, "optimizer", None))

    def fitted(self, mask: np.ndarray | None, kernel_shape: tuple[int, ...]) -> np.ndarray | None:
        """A mask with all axes of a kernel, each as long as the kernel's or 1.

        Raises:
            InputError: if the mask does not fit.
        """
        if mask is None:
            return None
        full = self._expanded(mask, kernel_shape)
        if full.ndim == len(kernel_shape) and all(
            length in (1, whole) for length, whole in zip(full.shape, kernel_shape, strict=True)
        ):
            return full
        raise InputError(
            f"`mask` of shape {mask.shape} does not fit a kernel of shape {kernel_shape}: give one "
            "of that shape" + (f", or {self.short_forms}" if self.short_forms else "")
        )

    def enlargement(self, mask: np.ndarray, kernel_shape: tuple[int, ...]) -> np.ndarray:
        """What `active_fan_in` enlarges weights by: an array that broadcasts to the kernel."""
        fan_in = np.prod([kernel_shape[axis] for axis in self.summed_axes], dtype=int)
        free = np.broadcast_to(mask, kernel_shape).sum(axis=self.summed_axes, keepdims=True)
        return np.sqrt(fan_in / np.maximum(1, free))

    def add_weight(self, *args: Any, **kwargs: Any) -> Any:
        """Make a weight; the kernel's masked ones are zero from the beginning."""
        if kwargs.get("name") != "kernel":
            return super().add_weight(*args, **kwargs)
        full = self.fitted(self._mask, tuple(kwargs["shape"]))
        initializer = keras.initializers.get(kwargs["initializer"])
        kwargs["initializer"] = functools.partial(self._initial, initializer, full)
        kernel = super().add_weight(*args, **kwargs)
        plain: Any = type(kernel)
        kernel.__class__ = _masked_variable(plain)
        self._kernel = kernel
        self._apply(full)
        return kernel

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Return what the second parent does with `kernel * mask` for its kernel."""
        if _in_compiled_function(inputs):
            self._compiled, self._compiled_mask = True, self._full
        token = _CALLED.set(self)
        try:
            return super().call(inputs)
        finally:
            _CALLED.reset(token)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, the mask packed."""
        config = super().get_config()
        config[f"{self.role}_constraint"] = keras.constraints.serialize(self._constraint)
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
        """Read the weights, and the mask where one was saved; else the layer keeps its own.

        Functions that were compiled with another mask keep it, as with `set_mask`: call
        `model.compile()` again after loading. Files of models with a plain layer in this one's
        place do not fit: hand its weights over with `set_weights`.
        """
        names = [name for name in store.keys() if not name.startswith("mask_")]  # noqa: SIM118
        if "mask_bits" in store.keys():  # noqa: SIM118
            packed = {
                "shape": np.asarray(store["mask_shape"]).tolist(),
                "bits": np.asarray(store["mask_bits"]).tobytes().decode(),
            }
            self.set_mask(unpack_mask(packed))
        super().load_own_variables({name: store[name] for name in names})

    def quantize(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: quantised kernels are stored in a form that masks do not reach."""
        raise NotImplementedError(f"{type(self).__name__} cannot be quantized")

    def enable_lora(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: low-rank updates would fill the zeros."""
        raise NotImplementedError(f"{type(self).__name__} cannot use LoRA: it would fill its zeros")

    def _checked(self, mask: Any) -> np.ndarray:
        """A mask as given, after all checks that need no shape of the kernel."""
        return as_mask(mask)

    def _expanded(self, mask: np.ndarray, kernel_shape: tuple[int, ...]) -> np.ndarray:
        """A mask of a short form with all axes of the kernel; any other as it is."""
        return mask

    def _initial(
        self, initializer: Any, mask: np.ndarray | None, shape: Any, dtype: Any = None
    ) -> Any:
        """Initial weights, by construction zero outside the mask."""
        weights = initializer(shape, dtype=dtype)
        if mask is None:
            return weights
        if self.active_fan_in:
            weights = weights * ops.cast(self.enlargement(mask, tuple(shape)), weights.dtype)
        return masked(weights, mask)

    def _apply(self, full: np.ndarray | None) -> None:
        """Hold the kernel's zeros from now on."""
        self._full = full
        kernel: Any = self._kernel
        kernel.mask = full
        kernel.constraint = (
            self._constraint if full is None else MaskConstraint(full, self._constraint)
        )
        setattr(self, f"{self.role}_constraint", kernel.constraint)
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
            if slot.name.startswith(prefix) and tuple(slot.shape) == tuple(self._kernel.shape):
                slot.assign(masked(slot.value, self._full))


def _equal(mask: np.ndarray | None, other: np.ndarray | None) -> bool:
    """Whether masks of one kernel are the same, also where one leaves axes at 1."""
    if mask is None or other is None:
        return mask is other
    return bool((mask == other).all())


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
