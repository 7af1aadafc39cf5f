"""Parameters, zeros and multiply-adds of networks, against counts by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from sfp_keras import CompactDense, GatheredDense, MaskedDense, compact_head, network_report
from sfp_keras.afcc.multiply_adds import multiply_adds
from sfp_keras.errors import InputError

MASK = np.random.default_rng(0).random((128, 10)) < 0.2


def network(head: keras.layers.Layer | None = None) -> keras.Sequential:
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(8, 3, padding="same", name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            head or MaskedDense(10, MASK, use_bias=False, name="head"),
        ],
        name="small",
    )
    conv = model.get_layer("conv")
    conv.set_weights([np.ones(w.shape) for w in conv.weights])
    return model


def test_a_network_by_hand() -> None:
    report = network_report(network())
    table = report.to_frame().set_index("layer")
    assert list(table.index) == ["conv", "norm", "head", "total"]
    # Nine weights of three channels for each of eight filters, and a bias; at 64 places.
    assert table["parameters"].tolist() == [224, 32, 1280, 1536]
    assert table["operations"].tolist() == [64 * 216, 0, 1280, 64 * 216 + 1280]
    assert table["nonzero"]["head"] == table["nonzero_operations"]["head"] == MASK.sum()
    assert table["sparsity"]["head"] == pytest.approx(1 - MASK.mean())
    assert table["dense_bytes"].tolist() == [4 * n for n in (224, 32, 1280, 1536)]
    # Of batch norm the offsets and the means are zero: one bit for each of eight.
    bytes_left = [4 * 224, 2 * 32 + 2 * 1, 4 * MASK.sum() + 1280 // 8]
    assert table["compact_bytes"].tolist() == [*bytes_left, sum(bytes_left)]
    assert repr(report).startswith("NetworkReport(small: 1,536 parameters, ")
    assert "<table" in report._repr_html_()


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (layers.Conv2D(6, 3, groups=3, strides=2, padding="same"), (8, 8, 3), 16 * 9 * 6),
        (layers.Conv1D(4, 5, padding="valid"), (12, 2), 8 * 5 * 2 * 4),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), (8, 8, 3), 36 * 9 * 6),
        (layers.SeparableConv2D(5, 3), (8, 8, 3), 36 * (27 + 15)),
        (layers.Conv2DTranspose(5, 3, strides=2), (4, 4, 2), 16 * 9 * 2 * 5),
        (layers.Dense(7), (6, 5), 6 * 5 * 7),
        (layers.EinsumDense("abc,cde->abde", (6, 2, 3)), (6, 5), 6 * 5 * 2 * 3),
        (layers.TimeDistributed(layers.Dense(7)), (6, 5), None),
        (layers.LSTM(3), (6, 5), None),
        (layers.LSTM(3, trainable=False), (6, 5), None),
        (layers.PReLU(), (8, 8, 3), 0),
        (layers.GlobalAveragePooling2D(), (8, 8, 3), 0),
    ],
)
def test_multiply_adds_of_layers(
    layer: keras.layers.Layer, shape: tuple[int, ...], expected: int | None
) -> None:
    inputs = keras.Input(shape)
    report = network_report(keras.Model(inputs, layer(inputs)))
    assert report.operations == (expected or 0)
    assert report.uncounted == ((layer.name,) if expected is None else ())
    assert report.parameters == layer.count_params()


def test_networks_stand_beside_one_another() -> None:
    masked = network()
    compact, gathered = compact_head(masked), compact_head(masked, gather=True)
    table = network_report(masked).beside(compact=compact, gathered=gathered)
    assert table["network"].tolist() == ["small", "compact", "gathered"]
    kept, most = int(MASK.sum()), int(MASK.sum(0).max())
    assert table["parameters"].tolist() == [1536, 256 + kept, 256 + kept]
    assert table["dense_bytes"].tolist()[1:] == [4 * (256 + kept) + 1280 // 8] * 2
    conv = 64 * 216
    assert table["operations"].tolist() == [conv + 1280, conv + 1280, conv + 10 * most]
    assert table["nonzero_operations"].tolist() == [conv + kept] * 3
    assert table["compact_bytes"][0] == table["compact_bytes"][1]
    assert table["compact_bytes"][1] < table["dense_bytes"][1] < table["dense_bytes"][0] / 2
    assert table["parameters_share"][1] == pytest.approx((256 + kept) / 1536)


def test_shared_nested_and_other_sized_layers() -> None:
    shared = layers.Conv2D(3, 3, padding="same", use_bias=False)
    inner = keras.Sequential([keras.Input((None, None, 3)), shared], name="inner")
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, shared(inner(inputs)))
    assert network_report(model).uncounted == (f"inner/{shared.name}", shared.name)
    report = network_report(model, input_shape=(4, 5, 3))
    assert report.parameters == 81
    assert report.operations == 2 * 20 * 81
    with pytest.raises(InputError, match=r"`input_shape`=.* does not fit model"):
        network_report(network(), input_shape=(8, 8, 5))


def test_a_subclassed_model_has_parameters_and_no_operations() -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(3, name="dense")

        def call(self, x):  # type: ignore[no-untyped-def]
            return self.dense(x)

    own = Own()
    with pytest.raises(InputError, match="has no weights yet"):
        network_report(own)
    own(np.zeros((1, 4)))
    report = network_report(own)
    assert (report.parameters, report.uncounted) == (15, ("dense",))
    with pytest.raises(InputError, match=r"`model` must be .* received str"):
        network_report("model")  # type: ignore[arg-type]


def test_a_gathered_head_computes_what_a_compact_one_does(tmp_path) -> None:
    mask = MASK.copy()
    mask[:, 3] = False
    with pytest.warns(UserWarning, match="no free weight"):
        masked = network(MaskedDense(10, mask, activation="relu", name="head"))
    masked.get_layer("head").bias.assign(np.arange(10.0))
    images = np.random.default_rng(1).normal(size=(4, 8, 8, 3)).astype(np.float32)
    gathered = compact_head(masked, gather=True)
    assert isinstance(gathered.get_layer("head"), GatheredDense)
    expected = masked.predict(images, verbose=0)
    np.testing.assert_allclose(gathered.predict(images, verbose=0), expected, atol=1e-4)
    gathered.compile("sgd", "mse")
    gathered.fit(images, expected + 1, verbose=0)
    gathered.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again.get_layer("head"), CompactDense)
    np.testing.assert_array_equal(
        again.predict(images, verbose=0), gathered.predict(images, verbose=0)
    )
    kernel = keras.ops.convert_to_numpy(again.get_layer("head").kernel)
    assert not kernel[~mask].any()


def test_attention_of_tokens_to_themselves_is_counted_and_other_attention_is_not_guessed():
    tokens, others = keras.Input((5, 6)), keras.Input((7, 6))
    same = keras.layers.MultiHeadAttention(2, 3, value_dim=4)
    same(tokens, tokens)
    kernels, products = 5 * (6 * 6 + 6 * 6 + 6 * 8 + 8 * 6), 5 * 5 * 2 * (3 + 4)
    counted = multiply_adds(same, (None, 5, 6), (None, 5, 6))
    assert counted == (kernels + products, kernels + products)
    crossed = keras.layers.MultiHeadAttention(2, 3)
    crossed(tokens, others)
    assert np.isnan(multiply_adds(crossed, (None, 5, 6), (None, 5, 6))).all()


class WithToken(keras.Model):
    """A subclassed model that has weights in no layer."""

    def __init__(self) -> None:
        super().__init__(name="own")
        self.token = self.add_weight(shape=(1, 5), name="token")
        self.flatten, self.dense = layers.Flatten(), layers.Dense(4, name="dense")

    def call(self, x):
        return self.dense(self.flatten(x)) + self.token[:, :4]


def test_a_subclassed_models_own_weights_are_counted() -> None:
    model = WithToken()
    model(np.zeros((1, 3), np.float32))
    report = network_report(model)
    assert report.parameters == model.count_params() == 16 + 5
    assert [one.layer for one in report.layers] == ["dense", "own"]
    assert report.uncounted == ("dense", "own")
