"""A user's network with its own initial weights, a function of the seed."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras

from sfp_keras.backend import set_random_seed
from sfp_keras.errors import InputError
from sfp_keras.models.copying import copied
from sfp_keras.models.graph import require_functional
from sfp_keras.models.label_outputs import PROBABILITIES, output_activation
from sfp_keras.models.own_architecture import arguments_taken, check_callable, refused


def build_own(
    spec: str,
    factory: Callable[..., Any],
    num_labels: int,
    *,
    input_shape: Sequence[int] | None = None,
    seed: int = 0,
    dtype: Any = None,
) -> keras.Model:
    """Build a user's network for training.

    Args:
        spec: `str`. What names the function, for errors.
        factory: a function that returns a `keras.Model` whose outputs are logits. Of the keywords
            `num_labels` and `input_shape` it is given those that its signature names.
        num_labels: `int`. K.
        input_shape: `(height, width, channels)` of the images.
        seed: `int`. `keras.utils.set_random_seed` is called with it before the function.
        dtype: a Keras dtype policy, set while the function runs.

    Returns:
        A `keras.Model` with outputs of shape `(batch, num_labels)`. Layers that were not given a
        name are numbered from the first one, even if others were built before.

    Raises:
        InputError: if the function fails, or its network cannot be trained on these labels.
    """
    offered: dict[str, Any] = {"num_labels": num_labels}
    if input_shape is not None:
        offered["input_shape"] = tuple(input_shape)
    made = call_factory(spec, factory, arguments_taken(factory, offered), seed, dtype)
    network = copied(made)
    _check_outputs(spec, network, num_labels)
    return network


def call_factory(
    spec: str,
    factory: Callable[..., Any],
    arguments: Mapping[str, Any],
    seed: int,
    dtype: Any = None,
) -> keras.Model:
    """Call a user's function where Keras counts layers from the first and has its own policy.

    Raises:
        InputError: if it fails or returns something else than a functional or sequential model.
    """
    check_callable(spec, factory)

    def call() -> Any:
        if dtype is not None:
            keras.config.set_dtype_policy(dtype)
        set_random_seed(seed)
        return factory(**arguments)

    # Keras keeps names and the policy for each thread, so a new thread begins with none.
    with ThreadPoolExecutor(1) as thread:
        try:
            model = thread.submit(call).result()
        except Exception as error:
            raise refused(spec, error, list(arguments)) from error
    if not isinstance(model, keras.Model):
        raise InputError(f"`model`={spec} returned a {type(model).__name__}, not a keras.Model")
    require_functional(model)
    return model


def _check_outputs(spec: str, network: keras.Model, num_labels: int) -> None:
    alone = network.inputs[0].shape[0]
    if alone is not None:
        raise InputError(
            f"`model`={spec} takes batches of {alone} images alone: leave batch_size out of its "
            "keras.Input"
        )
    if network.output_shape != (None, num_labels):
        sizes = [size for output in network.outputs for size in output.shape[1:] if size != 1]
        mend = "let the function take the argument num_labels"
        if sizes == [num_labels]:
            mend = "end the network with keras.layers.Flatten()"
        elif len(network.outputs) > 1:
            mend = "let the function return a network of one output"
        raise InputError(
            f"`model`={spec} has outputs of shape {network.output_shape}, but the data has "
            f"{num_labels} labels: {mend}"
        )
    try:
        activation = output_activation(network, 0)
    except InputError as error:
        raise InputError(f"`model`={spec}: {error}") from None
    if activation in PROBABILITIES:
        raise InputError(
            f"`model`={spec} ends with a {activation}: training takes logits, so leave it out"
        )
