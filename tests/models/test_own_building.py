"""A user's network that is trained from its own initial weights."""

import re
from collections.abc import Callable

import keras
import numpy as np
import pytest

from sfp_keras.errors import InputError
from sfp_keras.models import Architecture, architecture_of, own_input_shape
from sfp_keras.models.copying import layer_with_filters, narrowed, width_of
from sfp_keras.models.own_building import build_own


def plain(num_labels: int = 4, input_shape: tuple[int, ...] = (16, 16, 3)) -> keras.Model:
    """Layers without names of their own."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Conv2D(6, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(5, 3, activation="relu"),
            keras.layers.Dropout(0.2),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(num_labels),
        ]
    )


def grey() -> keras.Model:
    image = keras.Input((12, 10, 1))
    x = keras.layers.Conv2D(3, 3, padding="same", name="first")(image)
    y = keras.layers.Conv2D(3, 3, padding="same", name="second")(x)
    x = keras.layers.Add(name="sum")([x, y])
    x = keras.layers.Flatten()(x)
    return keras.Model(image, keras.layers.Dense(4, name="output")(x))


def probabilities() -> keras.Model:
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, activation="softmax")])


def failing() -> keras.Model:
    raise RuntimeError("no such file")


KNOWN = Architecture("known", build=lambda num_labels, options, **how: plain(num_labels))
NUMBER = 3


def spec(name: str) -> str:
    return f"{__name__}:{name}"


def make(factory: Callable, num_labels: int = 4, **more) -> keras.Model:
    return build_own(spec(factory.__name__), factory, num_labels, **more)


def test_it_is_given_the_arguments_it_names() -> None:
    network = make(plain, 7, input_shape=(20, 24, 1))
    assert (network.input_shape, network.output_shape) == ((None, 20, 24, 1), (None, 7))
    assert own_input_shape(spec("plain")) is None
    assert own_input_shape(spec("KNOWN")) is None
    assert own_input_shape(spec("grey")) == (12, 10, 1)


def test_weights_and_names_are_a_function_of_the_seed() -> None:
    first = make(plain, seed=1)
    keras.layers.Conv2D(2, 3)  # Keras counts it.
    second, other = make(plain, seed=1), make(plain, seed=2)
    names = ["conv2d", "max_pooling2d", "conv2d_1", "dropout", "global_average_pooling2d", "dense"]
    assert [layer.name for layer in first.layers] == names
    assert [layer.name for layer in second.layers] == names
    assert [v.path for v in first.weights] == [v.path for v in second.weights]
    for a, b in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first.weights[0], other.weights[0])
    # Dropout draws the same too.
    images = np.ones((4, 16, 16, 3), "float32")
    np.testing.assert_array_equal(first(images, training=True), second(images, training=True))


def test_the_dtype_policy_is_the_functions_alone() -> None:
    network = make(plain, dtype="mixed_bfloat16")
    assert network.layers[0].compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    ("factory", "labels", "message"),
    [
        (grey, 3, r"outputs of shape \(None, 4\), but the data has 3 labels.*num_labels"),
        (probabilities, 4, "ends with a softmax: training takes logits"),
        (failing, 4, "raised RuntimeError: no such file: it is called with no arguments"),
        (dict, 4, "returned a dict, not a keras.Model"),
    ],
)
def test_what_cannot_be_trained_is_refused(factory: Callable, labels: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(factory, labels)


def test_architecture_of_what_has_no_name() -> None:
    trained = architecture_of("keras.applications:MobileNetV2")
    assert (trained.scaling, trained.options().given()) == ("0..255", {})
    with pytest.raises(InputError, match="is trained already"):
        trained.build(3, trained.options())
    with pytest.raises(
        InputError, match=r"`filters` is no option of mine\.keras; .*vgg6.* have it"
    ):
        architecture_of("mine.keras").read({"filters": ("a:3",)})

    own = architecture_of(spec("plain"), train=True)
    assert own.scaling == "-1..1"
    network = own.make(3, own.read({"filters": ["conv2d_1:2"]}), input_shape=(16, 16, 3), seed=4)
    assert width_of(network, "conv2d_1") == 2
    assert architecture_of(spec("KNOWN"), train=True) is KNOWN
    assert architecture_of("vgg6", train=True).name == "vgg6"


def test_a_network_that_cannot_be_made_is_known_all_the_same() -> None:
    # What a run directory holds is shown without the code that made its network.
    own = architecture_of("no_such_module:network", train=True)
    with pytest.raises(InputError, match="module 'no_such_module' is not found"):
        own.build(3, own.options())
    with pytest.raises(InputError, match=r"`train`: `model`=mine\.keras is not trained"):
        architecture_of("mine.keras", train=True)
    with pytest.raises(InputError, match="is not a function"):
        architecture_of(spec("NUMBER"), train=True).build(3, own.options())


def test_fewer_filters() -> None:
    network = make(grey)
    both, again = (narrowed(network, {"first": 2, "second": 2}, seed=3) for _ in range(2))
    assert both.get_layer("output").kernel.shape == (240, 4)
    np.testing.assert_array_equal(both.weights[0], again.weights[0])
    assert [layer.name for layer in both.layers] == [layer.name for layer in network.layers]
    assert layer_with_filters(network, "second") == "second"
    assert layer_with_filters(network, "sum") is None
    assert layer_with_filters(make(plain), "max_pooling2d") == "conv2d"


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"first": 2}, "cannot be built with `filters`={'first': 2}.*sum need the same number"),
        ({"output": 2}, "changes the outputs"),
        ({"third": 2}, "no layer 'third' with filters; there are first, second, output"),
    ],
)
def test_numbers_of_filters_that_do_not_fit(filters: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=re.compile(message)):
        narrowed(make(grey), filters, seed=0)


@keras.saving.register_keras_serializable(package="tests_of_own_building")
class Gain(keras.layers.Layer):
    """A layer whose class Keras is not told of, in a nested model."""

    def build(self, shape):
        self.gain = self.add_weight(shape=(shape[-1],), initializer="uniform", name="gain")

    def call(self, inputs):
        return inputs * self.gain


def nested() -> keras.Model:
    scale = keras.layers.Normalization()
    scale.adapt(np.random.default_rng(0).normal(5, 3, (50, 6, 6, 3)))
    double = keras.layers.Lambda(lambda x: 2 * x)
    inner = keras.Sequential([keras.Input((6, 6, 3)), double, Gain()], name="inner")
    flat = keras.layers.Flatten()
    return keras.Sequential([keras.Input((6, 6, 3)), scale, inner, flat, keras.layers.Dense(4)])


def test_a_network_is_the_functions_whatever_its_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(keras.saving.get_custom_objects(), "tests_of_own_building>Gain")
    made = []
    network = make(lambda: made.append(nested()) or made[0])
    images = np.random.default_rng(1).normal(5, 3, (3, 6, 6, 3)).astype("float32")
    expected = made[0].predict_on_batch(images)
    np.testing.assert_allclose(network.predict_on_batch(images), expected, rtol=1e-5)
    # Normalization was built when it was adapted, before it stood in the network.
    paths = [[v.path for v in of.weights if "norm" not in v.path] for of in (network, made[0])]
    assert paths[0] == paths[1]
    assert [type(layer) for layer in network.layers] == [type(layer) for layer in made[0].layers]
    smaller = narrowed(wider(), {"first": 2}, seed=0)
    assert smaller.get_layer("gain").gain.shape == (2,)
    np.testing.assert_allclose(smaller.get_layer("scale").mean, 7 * np.ones((1, 1, 1, 3)))


def wider() -> keras.Model:
    """As `nested`, with a convolution before the user's own layer."""
    scale = keras.layers.Normalization(name="scale")
    scale.adapt(np.full((5, 6, 6, 3), 7.0) + np.arange(5)[:, None, None, None] - 2)
    first = keras.layers.Conv2D(3, 3, name="first")
    ends = [Gain(name="gain"), keras.layers.Flatten(), keras.layers.Dense(4)]
    return keras.Sequential([keras.Input((6, 6, 3)), scale, first, *ends])


def ending(*ends) -> keras.Model:
    image = keras.Input((3, 3, 2))
    x = keras.layers.Flatten()(image)
    for end in ends:
        x = end(x)
    return keras.Model(image, x)


@pytest.mark.parametrize(
    "ends",
    [
        lambda: [keras.layers.Dense(4), keras.layers.Softmax(), keras.layers.Flatten()],
        lambda: [
            keras.layers.Dense(4, "softmax"),
            keras.layers.Activation("linear", dtype="float32"),
        ],
        lambda: [keras.layers.Dense(4), keras.ops.softmax],
        lambda: [keras.layers.Dense(4, keras.layers.Softmax())],
        lambda: [
            keras.Sequential([keras.Input((18,)), keras.layers.Dense(4, "softmax")], name="head")
        ],
    ],
    ids=["flattened", "float32", "ops", "layer", "nested"],
)
def test_probabilities_are_refused_wherever_they_are_made(ends: Callable) -> None:
    with pytest.raises(InputError, match="ends with a softmax: training takes logits"):
        make(lambda: ending(*ends()))


def test_a_fixed_number_of_images_is_refused() -> None:
    def factory() -> keras.Model:
        image = keras.Input((2, 2, 1), batch_size=32)
        return keras.Model(image, keras.layers.Dense(4)(keras.layers.Flatten()(image)))

    with pytest.raises(InputError, match="batches of 32 images alone: leave batch_size out"):
        make(factory)


class Halved(keras.Model):
    """A functional model with a class of its own."""


def test_the_class_of_a_network_stays() -> None:
    def factory() -> keras.Model:
        whole = ending(keras.layers.Dense(4))
        return Halved(whole.input, whole.output)

    assert type(make(factory)) is Halved


def test_channels_first_are_refused_by_name() -> None:
    def factory() -> keras.Model:
        image = keras.Input((3, 8, 8))
        x = keras.layers.Conv2D(4, 3, data_format="channels_first")(image)
        return keras.Model(image, keras.layers.Dense(4)(keras.layers.Flatten()(x)))

    with pytest.raises(InputError, match=r"`model`=.*has its channels first"):
        make(factory)
