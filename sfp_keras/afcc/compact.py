"""From a model with masked heads to one that stores their kept weights alone."""

import keras

from sfp_keras.errors import InputError
from sfp_keras.layers import CompactDense, GatheredDense, MaskedDense
from sfp_keras.models.graph import check_model, functional_form
from sfp_keras.models.rebuilding import Exchange, layers_by_path, rebuild


def compact_head(model: keras.Model, gather: bool = False) -> keras.Model:
    """Make a copy of a model in which every `MaskedDense` is a `CompactDense`.

    The copy can be saved, loaded and trained like any model, and its outputs are the masked
    model's. Its file is smaller, its head not faster: `prune_filters` makes a network faster.

    Example:

    ```
    compact = compact_head(model)
    compact.save("compact.keras")  # Loads with no more than `import sfp_keras.layers`.
    ```

    Args:
        model: a functional or sequential `keras.Model` with at least one `MaskedDense` that has
            a mask, also in nested functional or sequential models. It is left as it is.
        gather: `bool`, default False. Whether the heads are `GatheredDense`, which stay compact
            in files of ONNX too.

    Returns:
        A functional `keras.Model` of new layers, not compiled.

    Raises:
        InputError: if there is no such layer, or one lies where no graph leads: in a subclassed
            model or in another layer.
    """
    check_model(model)
    form = functional_form(model)
    if form is None:
        raise InputError(
            f"model {model.name!r} ({type(model).__name__}) is subclassed or not built, so its "
            "layers cannot be exchanged: put CompactDense.from_masked(layer) in the place of its "
            "MaskedDense yourself"
        )
    reached = {id(layer): layer for layer in layers_by_path(form).values()}
    for layer in reached.values():
        hidden = [part for part in _parts(layer) if isinstance(part, MaskedDense)]
        if hidden and not isinstance(layer, MaskedDense):
            raise InputError(
                f"MaskedDense {hidden[0].name!r} lies inside {layer.name!r} "
                f"({type(layer).__name__}), whose parts cannot be exchanged: put "
                "CompactDense.from_masked(layer) in its place yourself"
            )
    exchanges = {
        key: _exchange(layer, GatheredDense if gather else CompactDense)
        for key, layer in reached.items()
        if isinstance(layer, MaskedDense) and layer.mask is not None
    }
    if not exchanges:
        raise InputError(
            f"model {model.name!r} has no MaskedDense layer with a mask, so there is nothing to "
            "leave out"
        )
    return rebuild(form, exchanges)


def _exchange(layer: MaskedDense, kind: type[CompactDense]) -> Exchange:
    compact = kind.from_masked(layer)
    return Exchange(compact, compact.get_weights())


def _parts(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    return list(layer._flatten_layers())
