"""Masks on the layers of a network that exists, and off again."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.layers import MASKED_LAYERS, CompactDense, MaskConstraint, MaskedKernel
from sfp_keras.models.graph import check_model, functional_form, layer_path
from sfp_keras.models.rebuilding import (
    Exchange,
    arguments_of,
    check_not_quantized,
    layers_by_path,
    rebuild,
)

# Types are compared exactly: a subclass may do anything with its kernel.
_MASKED_KINDS: dict[type, Any] = {kind.plain: kind for kind in MASKED_LAYERS}
_CONSTRAINT = keras.saving.get_registered_name(MaskConstraint)


def mask_layers(
    model: keras.Model, masks: Mapping[str, Any], active_fan_in: bool = False
) -> keras.Model:
    """Make a copy of a model with masks on the kernels of some layers.

    Weights outside a mask are exactly zero in the copy, and stay so while it is trained. Other
    weights, names, batch norm's statistics and what is frozen are the model's.

    Example:

    ```
    masked = mask_layers(model, {"conv5": mask, "block2/conv1": other_mask})
    masked.compile("sgd", "sparse_categorical_crossentropy")
    ```

    Args:
        model: a functional or sequential `keras.Model`, also with nested ones. It is left as it
            is.
        masks: dict from paths of layers to masks. A path is a layer's name, after those of the
            nested models it lies in, joined by `/`; a layer that is called several times has one
            mask. A mask is what the layer's masked kind takes: `MaskedDense`, `MaskedConv2D`,
            `MaskedDepthwiseConv2D` or `MaskedEinsumDense`; `None` leaves all weights free, until
            `set_mask`. A layer that is masked gets another mask.
        active_fan_in: `bool`. Whether the kept weights of each output are enlarged by
            `sqrt(fan-in / free fan-in)`: for a model of initial weights, to be trained from
            scratch under its masks. Defaults to `False`.

    Returns:
        A functional `keras.Model` of new layers, not compiled.

    Raises:
        InputError: if the model has no graph of layers, there is no layer of a path, a layer is
            of a kind that has no masked one, or a mask does not fit the layer's kernel.
    """
    if not isinstance(masks, Mapping) or not all(isinstance(path, str) for path in masks):
        kinds = {type(one).__name__: None for one in (masks if isinstance(masks, Mapping) else ())}
        raise InputError(
            "`masks` must be a dict from paths of layers, such as `link.layer`, to masks; received "
            + (f"a dict from {', '.join(kinds)}" if kinds else type(masks).__name__)
        )
    form = _functional(model, "mask_layers")
    known = layers_by_path(form)
    exchanges: dict[int, Exchange] = {}
    named: dict[int, str] = {}
    for path, mask in masks.items():
        layer = _layer_at(path, known)
        if id(layer) in named:
            raise InputError(
                f"`masks`: {named[id(layer)]!r} and {path!r} are one layer, which has one mask: "
                "give one of them"
            )
        named[id(layer)] = path
        exchanges[id(layer)] = _with_mask(path, layer, mask, active_fan_in)
    return rebuild(form, exchanges)


def strip_masks(model: keras.Model) -> keras.Model:
    """Make a copy of a model with plain Keras layers, of which masked weights are zero.

    The copy computes what the model computes; a plain layer with a `MaskConstraint` must have been
    trained with it, and without averages of weights (`use_ema=True`), for else its masked weights
    need not be zero, as the copy's are. It loads without this package, unless the model has other
    layers of it, such as `Enlarge`. Nothing holds the zeros in further training.

    Example:

    ```
    strip_masks(model).save("plain.keras")
    ```

    Args:
        model: a functional or sequential `keras.Model`, also with nested ones. Its masked layers,
            its `CompactDense` layers and its constraints with `MaskConstraint` are exchanged. It
            is left as it is.

    Returns:
        A functional `keras.Model` of new layers, not compiled.

    Raises:
        InputError: if the model has no graph of layers, or a masked layer lies inside another
            layer, where no graph leads.
    """
    form = _functional(model, "strip_masks")
    exchanges = {}
    for layer in layers_by_path(form).values():
        exchange = _without_mask(layer)
        if exchange is not None:
            exchanges[id(layer)] = exchange
    plain = rebuild(form, exchanges)
    for path, layer in layers_by_path(plain).items():
        if _has_masks(layer):
            raise InputError(
                f"`model`: layer {path!r} ({type(layer).__name__}) has a masked layer inside it, "
                "which cannot be exchanged: put a plain layer with its weights there yourself"
            )
    return plain


def _functional(model: keras.Model, function: str) -> keras.Model:
    check_model(model)
    form = functional_form(model)
    if form is None:
        kind = type(model).__name__
        raise InputError(
            f"`model`: {getattr(model, 'name', kind)!r} ({kind}) is subclassed or not built, and "
            f"{function} exchanges layers of functional models only: build it with the functional "
            "API, or exchange the layers yourself"
        )
    return form


def _layer_at(path: str, known: Mapping[str, keras.layers.Layer]) -> keras.layers.Layer:
    # Stages of layers that are called several times are named with the call: `conv#1`.
    without_calls = layer_path(path)
    if path not in known and without_calls not in known:
        maskable = [name for name, layer in known.items() if _masked_kind(layer)]
        listed = ", ".join(maskable[:12]) + (", ..." if len(maskable) > 12 else "")
        raise InputError(
            f"`masks`: there is no layer {path!r}; there are {listed or 'none that can be masked'}"
        )
    return known[path if path in known else without_calls]


def _masked_kind(layer: Any) -> Any:
    return type(layer) if isinstance(layer, MaskedKernel) else _MASKED_KINDS.get(type(layer))


def _with_mask(path: str, layer: Any, mask: Any, active_fan_in: bool) -> Exchange:
    """The masked layer that takes a layer's place."""
    kind = _masked_kind(layer)
    if kind is None:
        kinds = ", ".join(masked.plain.__name__ for masked in MASKED_LAYERS)
        raise InputError(
            f"`masks`: layer {path!r} is a {type(layer).__name__}, and masks go on layers of the "
            f"kinds {kinds}: make a masked kind of it with sfp_keras.layers.MaskedKernel, or "
            "build it with `kernel_constraint`=MaskConstraint(mask)"
        )
    check_not_quantized(layer)
    kernel, *others = layer.get_weights()
    config = {**arguments_of(layer), "mask": None}
    if active_fan_in:
        config["active_fan_in"] = True
    masked = kind.from_config(config)
    try:
        masked.set_mask(mask)
        full = masked.fitted(masked.mask, kernel.shape)
    except InputError as error:
        raise InputError(f"`masks`: layer {path!r}: {error}") from None
    if active_fan_in and full is not None:
        kernel = kernel * masked.enlargement(full, kernel.shape).astype(kernel.dtype)
    return Exchange(masked, [kernel, *others])


def _without_mask(layer: Any) -> Exchange | None:
    """The plain layer that takes a masked one's place; `None` where a layer can stay as it is."""
    config = arguments_of(layer)
    free = {name: _free(value) for name, value in config.items() if _masks(value)}
    if not free and not isinstance(layer, (MaskedKernel, CompactDense)):
        return None
    plain: Any = type(layer)
    weights = [
        _zeroed(array, variable.constraint)
        for variable, array in zip(layer.weights, layer.get_weights(), strict=True)
    ]
    if isinstance(layer, MaskedKernel):
        plain = layer.plain
    elif isinstance(layer, CompactDense):
        plain = keras.layers.Dense
        weights[0] = keras.ops.convert_to_numpy(layer.kernel)
    if plain is not type(layer):
        config = {name: config[name] for name in config if name not in ("mask", "active_fan_in")}
    return Exchange(plain.from_config({**config, **free}), weights)


def _masks(value: Any) -> bool:
    """Whether a value of a configuration is a `MaskConstraint`."""
    return isinstance(value, dict) and value.get("registered_name") == _CONSTRAINT


def _free(constraint: Any) -> Any:
    """What a configuration's `MaskConstraint` is without its mask."""
    while _masks(constraint):
        constraint = constraint["config"]["constraint"]
    return constraint


def _zeroed(weights: np.ndarray, constraint: Any) -> np.ndarray:
    """Weights that their constraint masks, zero outside its mask; others as they are."""
    while isinstance(constraint, MaskConstraint):
        weights = np.where(constraint.mask, weights, np.zeros((), weights.dtype))
        constraint = constraint.constraint
    return weights


def _has_masks(layer: keras.layers.Layer) -> bool:
    """Whether a layer, or one inside it, is masked."""
    parts = layer._flatten_layers()
    constraints = (variable.constraint for variable in layer.variables)
    return any(isinstance(part, (MaskedKernel, CompactDense)) for part in parts) or any(
        isinstance(constraint, MaskConstraint) for constraint in constraints
    )
