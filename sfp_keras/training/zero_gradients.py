"""Which share of a network's weights one image leaves alone: gradients that are exactly zero."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras import ops

from sfp_keras.errors import InputError
from sfp_keras.progress import Progress


def zero_gradient_shares(
    model: keras.Model, images: Any, labels: Any, *, progress: Progress | None = None
) -> pd.DataFrame:
    """Find for each trainable variable the share of its gradient that is exactly zero.

    The gradient is that of one image's cross-entropy, as online learning takes its steps: ReLU
    that is off and places that lose in a maximum pass nothing back. The network runs as at
    inference, without dropout and with fixed statistics of batch norms.

    Example:

    ```
    shares = zero_gradient_shares(build_network("tree3", 10), images[:200], labels[:200])
    ```

    Args:
        model: `keras.Model` of images (n, ...) that puts out logits (n, K).
        images: float array (n, ...), scaled as the network takes them.
        labels: int array (n,), 0 to K - 1.
        progress: `Progress` to report to. Defaults to none.

    Returns:
        `DataFrame` with a row for each trainable variable, input side first: `variable`, its path;
        `size`, its number of weights; `images`, n; `zero_share`, the mean over the images;
        `zero_always`, the share of weights whose gradient is zero for every one of them.

    Raises:
        InputError: if the model has other outputs, there are no images, images of another shape,
            not as many labels, a label outside 0 to K - 1, no variable that is trained, or Keras
            runs on another backend than TensorFlow and JAX.

    Source: the measure of pruned back-propagation on trees (arXiv:2211.11378) after its abstract;
    the paper's own numbers are not available to us.
    """
    outputs = getattr(model, "outputs", None) or []
    if len(outputs) != 1 or len(outputs[0].shape) != 2:
        given = " and ".join(str(tuple(one.shape)) for one in outputs) or repr(model)
        raise InputError(
            f"`model` must be a built network with one output of logits (n, K), received {given}"
        )
    images, labels = np.asarray(images, np.float32), np.asarray(labels)
    if not len(images) or labels.shape != (len(images),):
        raise InputError(
            f"`images` and `labels` must be as many, and at least one; received {len(images)} "
            f"images and labels of shape {labels.shape}"
        )
    wanted, count = model.inputs[0].shape[1:], outputs[0].shape[-1]
    fits = len(wanted) == images.ndim - 1
    if not fits or any(n not in (None, m) for n, m in zip(wanted, images.shape[1:], strict=True)):
        raise InputError(
            f"`images` have the shape {images.shape[1:]}, the network takes {tuple(wanted)}"
        )
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= count:
        raise InputError(f"`labels` must be whole numbers 0 to {count - 1}")
    variables = model.trainable_variables
    if not variables:
        raise InputError(
            f"`model`: all variables of {model.name!r} are frozen, so none has a gradient: set its "
            "`trainable` to True"
        )
    zeros = _zeros(model, variables)
    shares = np.zeros(len(variables))
    always = [np.ones(variable.shape, bool) for variable in variables]
    pairs = list(zip(images, labels, strict=True))
    for image, label in progress.over(pairs, len(pairs), unit="images") if progress else pairs:
        found = zeros(image[None], np.array([label], np.int32))
        for place, array in enumerate(map(ops.convert_to_numpy, found)):
            shares[place] += array.mean()
            always[place] &= array
    return pd.DataFrame(
        {
            "variable": [variable.path for variable in variables],
            "size": [int(np.prod(variable.shape)) for variable in variables],
            "images": len(images),
            "zero_share": shares / len(images),
            "zero_always": [float(array.mean()) for array in always],
        }
    )


def _zeros(model: keras.Model, variables: Sequence[Any]) -> Callable[[Any, Any], Sequence[Any]]:
    """A compiled function of one image and its label: where each variable's gradient is zero."""
    backend = keras.backend.backend()
    if backend not in _OF_BACKEND:
        raise InputError(f"zero_gradient_shares needs TensorFlow or JAX, not {backend}")
    return _OF_BACKEND[backend](model, variables)


def _on_tensorflow(model: keras.Model, variables: Sequence[Any]) -> Any:
    import tensorflow as tf

    @tf.function(reduce_retracing=True)
    def zeros(image: Any, label: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            loss = _loss(label, model(image, training=False))
        values = [variable.value for variable in variables]
        gradients = tape.gradient(loss, values, unconnected_gradients="zero")
        return [tf.equal(tf.convert_to_tensor(gradient), 0) for gradient in gradients]

    return zeros


def _on_jax(model: keras.Model, variables: Sequence[Any]) -> Any:
    import jax

    def loss(values: Any, others: Any, image: Any, label: Any) -> Any:
        logits, _ = model.stateless_call(values, others, image, training=False)
        return _loss(label, logits)

    gradient = jax.jit(jax.grad(loss))
    values = [variable.value for variable in variables]
    others = [variable.value for variable in model.non_trainable_variables]

    def zeros(image: Any, label: Any) -> list[Any]:
        return [one == 0 for one in gradient(values, others, image, label)]

    return zeros


def _loss(label: Any, logits: Any) -> Any:
    return ops.sum(ops.sparse_categorical_crossentropy(label, logits, from_logits=True))


_OF_BACKEND = {"tensorflow": _on_tensorflow, "jax": _on_jax}
