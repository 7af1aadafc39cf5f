"""Tree sampling: branches that each sum rectangles of rows, with weights of their own."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from sfp_keras.errors import InputError, as_whole
from sfp_keras.traits import KernelAxes, LayerTraits, register_traits
from sfp_keras.traits.counting import used_at
from sfp_keras.traits.registry import Operations


@keras.saving.register_keras_serializable(package="sfp_keras")
class TreeSampling(keras.layers.Layer):
    """The second layer of a tree: each branch sums rectangles of a map, no weight used twice.

    A map of H rows has H / R rectangles, of R consecutive rows and all W columns. Of every
    rectangle r and every group g of filters (a colour of the image) branch m makes one number,

        z[g, r, m] = bias[g, r, m]
                     + sum over k, u, w of kernel[r, u, w, (g, k), m] x[r R + u, w, (g, k)]

    with its rows u, columns w and the filters k of the group, which stand one behind another as a
    depthwise convolution, or one with as many `groups`, puts them out. All branches read the same
    map. A pooling of rows with weights of its own for each place: nothing is shared but the input
    (Tree-3 of arXiv:2211.11378, whose text is not available to us; formula and order of axes are
    ours).

    Several trees in one layer: of each group the filters are those of the trees, one tree behind
    another, and so are the branches; a tree's branches read its own filters alone.

    Example:

    ```
    x = keras.layers.DepthwiseConv2D(5, depth_multiplier=15, activation="relu")(images)
    x = keras.layers.MaxPooling2D(2)(x)  # (n, 14, 14, 45): 15 filters of each colour
    x = TreeSampling(16, groups=3, activation="relu")(x)  # (n, 3, 7, 16)
    ```

    Args:
        branches: `int`. M, of each tree.
        rows: `int`. R, rows of a rectangle. Defaults to 2.
        groups: `int`. Groups of filters, that are not summed over. Defaults to 1.
        trees: `int`. T. Defaults to 1.
        activation: as of `keras.layers.Dense`. Defaults to `None`.
        kernel_initializer: of `kernel` (H / R, R, W, C, M), for C filters. Defaults to
            `"glorot_uniform"`, whose fans are those of the shape: give a deviation.
        bias_initializer: of `bias` (groups, H / R, T * M). Defaults to `"zeros"`.
        **kwargs: the other arguments of `keras.layers.Layer`.

    Raises:
        InputError: if an argument is out of its range or, when the layer is built, H is no
            multiple of `rows` or C none of `groups` * `trees`.

    Input shape: `(batch, H, W, C)`. Output shape: `(batch, groups, H / R, T * M)`: branches are
    the last axis, as filters are.
    """

    def __init__(
        self,
        branches: int,
        rows: int = 2,
        groups: int = 1,
        trees: int = 1,
        activation: Any = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        numbers = {"branches": branches, "rows": rows, "groups": groups, "trees": trees}
        for name, number in numbers.items():
            setattr(self, name, as_whole(name, number, 1))
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape: Any) -> None:
        """Make the weights."""
        if len(input_shape) != 4 or None in input_shape[1:]:
            raise InputError(
                "TreeSampling needs maps (batch, height, width, filters) of known size, received "
                f"shape {tuple(input_shape)}"
            )
        _, height, width, filters = input_shape
        if height % self.rows:
            raise InputError(f"`rows`={self.rows} does not divide the {height} rows of the maps")
        if filters % (self.groups * self.trees):
            raise InputError(
                f"`groups`={self.groups} and `trees`={self.trees} do not divide the {filters} "
                "filters"
            )
        rectangles = height // self.rows
        self.kernel = self.add_weight(
            name="kernel",
            shape=(rectangles, self.rows, width, filters, self.branches),
            initializer=self.kernel_initializer,
        )
        self.bias = self.add_weight(
            name="bias",
            shape=(self.groups, rectangles, self.trees * self.branches),
            initializer=self.bias_initializer,
        )
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Return the branches' numbers."""
        rectangles, rows, width, filters, branches = self.kernel.shape
        own = (self.groups, self.trees, filters // (self.groups * self.trees))
        maps = ops.reshape(inputs, (-1, rectangles, rows, width, *own))
        kernel = ops.reshape(self.kernel, (rectangles, rows, width, *own, branches))
        sums = ops.einsum("nruwgtk,ruwgtkm->ngrtm", maps, kernel)
        return self.activation(ops.reshape(sums, (-1, *self.bias.shape)) + self.bias)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """A number of each group, rectangle and branch."""
        rectangles = input_shape[1] // self.rows
        return (input_shape[0], self.groups, rectangles, self.trees * self.branches)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in ("branches", "rows", "groups", "trees")},
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


def _axes(layer: Any) -> KernelAxes | None:
    # Of several trees no two have a weight between them.
    return KernelAxes(count="branches") if layer.trees == 1 else None


def _count(layer: Any, inputs: Sequence[int], outputs: Sequence[int]) -> Operations:
    return used_at(1, layer.kernel)


register_traits(
    TreeSampling,
    LayerTraits("made", kernel=_axes, multiply_adds=_count, called="branch"),
)
