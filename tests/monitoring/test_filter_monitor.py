"""FilterMonitor in a plain fit of a model this project did not build."""

import functools
import itertools

import keras
import numpy as np
import pytest
from read_events import blobs, scalars, values

from sfp_keras import FilterMonitor, find_clusters, layer_statistics
from sfp_keras.errors import InputError
from sfp_keras.monitoring import schema

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6, 6, 1)).astype(np.float32)
Y = RNG.integers(0, 3, 50)
MEGABYTES = 2 * 4 * 5 * 3 * 4 / 1e6  # Of one measurement: float32 of features and kernel.


def network(activation=None):
    """A network as it is before training, which is traced once for all tests."""
    net, begin = _network(activation)
    for variable, value in begin:
        variable.assign(value)
    net.stop_training = False
    keras.utils.set_random_seed(2)
    return net


@functools.cache
def _network(activation):
    keras.utils.set_random_seed(1)
    net = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(5, 3, activation="relu", name="features"),
            keras.layers.MaxPooling2D(2, name="pool"),
            keras.layers.Flatten(),
            keras.layers.Dense(8, activation, name="hidden"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(3, activation="softmax", name="scores"),
        ],
        name="mine",
    )
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    net.optimizer.build(net.trainable_variables)
    variables = [*net.variables, *net.optimizer.variables]
    return net, [(v, keras.ops.convert_to_numpy(v)) for v in variables]


def literal_features(net, images, labels):
    """Mean outputs of the layer `pool` for each label."""
    cut = keras.Model(net.inputs[0], net.get_layer("pool").output)
    outputs = keras.ops.convert_to_numpy(cut(images)).reshape(len(images), 4, 5)
    return np.stack([outputs[labels == label].mean(0) for label in range(3)])


def read(folder, step):
    found = blobs(folder)
    header, kernel, features = found[schema.factors_tag("pool", step)]
    header = schema.decode_header(header)
    return header, schema.decode_fields(header, kernel, features)


def test_fields_of_the_network_s_own_head_are_written(tmp_path):
    net = network()
    seen = {}

    class Literal(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            weights = [
                keras.ops.convert_to_numpy(self.model.get_layer(name).kernel)
                for name in ("hidden", "scores")
            ]
            seen[epoch] = literal_features(self.model, X[:30], Y[:30]), weights[0] @ weights[1]

    monitor = FilterMonitor(tmp_path, X[:30], Y[:30], every=2, class_names=["a", "b", "c"])
    net.fit(X, Y, epochs=5, verbose=0, callbacks=[monitor, Literal()])
    about = schema.decode_about(blobs(tmp_path)["about"][0])
    assert about == schema.About("train", ("a", "b", "c"), 0.3, True, "mine", first_step=0)
    tags = {tag for tag in blobs(tmp_path) if tag != "about"}
    assert tags == {f"pool/factors/{step}" for step in (0, 2, 4)}
    for step in (0, 2, 4):
        header, fields = read(tmp_path, step)
        features, kernel = seen[step]
        assert (header.stage, header.step, header.position_shape) == ("pool", step, (2, 2))
        assert header.label_counts == tuple(np.bincount(Y[:30], minlength=3))
        np.testing.assert_allclose(fields.features, features, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(fields.kernel, kernel.reshape(4, 5, 3), rtol=1e-4, atol=1e-6)
        statistics = layer_statistics(find_clusters(fields, 0.3))
        written = scalars(tmp_path)
        for name in ("noise", "clusters", "signal", "snr_external"):
            expected = np.float32(getattr(statistics, name))
            np.testing.assert_array_equal(np.float32(written[f"pool/{name}"][step]), expected)
        assert written["pool/accuracy"][step] == pytest.approx(header.accuracy)


def test_resuming_measures_the_same_epochs(tmp_path):
    net = network()
    for begin, end in ((0, 2), (2, 4)):
        net.fit(
            X,
            Y,
            initial_epoch=begin,
            epochs=end,
            verbose=0,
            callbacks=[FilterMonitor(tmp_path / str(begin), X, Y, every=1)],
        )
    steps = {tag for begin in (0, 2) for tag in blobs(tmp_path / str(begin)) if tag != "about"}
    assert steps == {f"pool/factors/{step}" for step in range(4)}


@pytest.mark.parametrize("kind", ["list", "function", "tf.data", "PyDataset", "pair", "one-hot"])
def test_images_may_come_in_many_ways(kind, tmp_path):
    halves = [(X[:20], Y[:20]), (X[20:], Y[20:])]
    y = None
    if kind == "tf.data":
        tf = pytest.importorskip("tensorflow")
        images = tf.data.Dataset.from_tensor_slices((X, Y)).batch(20)
    elif kind == "PyDataset":

        class Halves(keras.utils.PyDataset):
            def __len__(self):
                return 2

            def __getitem__(self, index):
                return halves[index]

        images = Halves()
    elif kind == "pair":
        images = (X, Y)
    elif kind == "one-hot":
        images, y = X, np.eye(3)[Y]
    else:
        images = halves if kind == "list" else lambda: iter(halves)
    net = network()
    net.fit(X, Y, verbose=0, epochs=2, callbacks=[FilterMonitor(tmp_path, images, y, every=1)])
    header, fields = read(tmp_path, 1)
    assert sum(header.label_counts) == 50
    np.testing.assert_allclose(fields.features, literal_features(net, X, Y), rtol=1e-4, atol=1e-5)


def test_several_labels_of_an_image_are_refused(tmp_path):
    several = np.eye(3)[Y] + np.eye(3)[(Y + 1) % 3]
    with pytest.raises(InputError, match=r"`y`: labels of shape \(20, 3\) are not one-hot"):
        list(FilterMonitor(tmp_path, X, several, batch_size=20).images)


def test_pixels_that_are_no_numbers_are_refused(tmp_path):
    spoiled = X.astype(np.float32)
    spoiled[-1, 0, 0] = np.nan
    with pytest.raises(InputError, match="`x`: images hold NaN"):
        FilterMonitor(tmp_path, spoiled, Y, batch_size=10)
    with pytest.raises(InputError, match="`x`: images hold NaN"):
        FilterMonitor(tmp_path, [(spoiled, Y)]).images.first()


@pytest.mark.parametrize("kind", ["tf.data", "PyDataset", "function"])
def test_endless_images_are_refused_or_cut(kind, tmp_path, monkeypatch):
    halves = [(X[:20], Y[:20]), (X[20:], Y[20:])]
    if kind == "tf.data":
        tf = pytest.importorskip("tensorflow")
        endless = tf.data.Dataset.from_tensor_slices((X, Y)).batch(20).repeat()
    elif kind == "PyDataset":

        class Endless(keras.utils.PyDataset):
            num_batches = None

            def __getitem__(self, index):
                return halves[index % 2]

        endless = Endless()
    else:
        endless = lambda: itertools.cycle(halves)  # noqa: E731
    if kind == "function":
        # That it never ends shows only on the way.
        monkeypatch.setattr("sfp_keras.monitoring.images._MOST_IMAGES", 1000)
        with pytest.raises(InputError, match=r"`x` has given 1,0.. images and does not end: give"):
            list(FilterMonitor(tmp_path, endless).images)
    else:
        with pytest.raises(InputError, match="`x` never ends: give `steps`"):
            FilterMonitor(tmp_path, endless)
    images = FilterMonitor(tmp_path, endless, steps=3).images
    assert [len(labels) for _, labels in images] == [
        20,
        *((20, 10) if kind == "tf.data" else (30, 20)),
    ]


def test_images_may_be_a_list_beside_their_labels(tmp_path):
    images = FilterMonitor(tmp_path, [*X], [*Y], batch_size=30).images
    np.testing.assert_array_equal(np.concatenate([batch for batch, _ in images]), X)


def test_few_megabytes_keep_fewer_factors_but_all_scalars(tmp_path, caplog):
    net = network()
    monitor = FilterMonitor(tmp_path, X, Y, every=1, max_mb=2.5 * MEGABYTES)
    with caplog.at_level("INFO"):
        net.fit(X, Y, epochs=5, verbose=0, callbacks=[monitor])
    tags = {"about", "pool/header", "pool/factors/0", "pool/factors/4"}
    assert set(blobs(tmp_path)) == tags
    assert set(scalars(tmp_path)["pool/noise"]) == set(range(5))
    assert "2 of 5" in caplog.text
    assert "max_mb" in caplog.text


def test_a_given_interval_wins_over_the_number_of_measurements(tmp_path):
    monitor = FilterMonitor(tmp_path, X, Y, every=1, max_measurements=2)
    network().fit(X, Y, epochs=4, verbose=0, callbacks=[monitor])
    assert list(scalars(tmp_path)["pool/noise"]) == [0, 1, 2, 3]
    assert {t for t in blobs(tmp_path) if t != "about"} == {f"pool/factors/{s}" for s in range(4)}


# With room for four, kept are 0, 2, 5 and 8; what 2 leaves, which is not measured, 3 takes.
@pytest.mark.parametrize(("room", "kept"), [(5, {0, 3, 5, 7, 8}), (4, {0, 3, 5, 8}), (1, {8})])
def test_measuring_stays_below_its_share_of_the_time(room, kept, tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("sfp_keras.monitoring.filter_monitor.time.monotonic", lambda: clock[0])

    class Slow(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            clock[0] += 10.0

    monitor = FilterMonitor(tmp_path, X, Y, max_mb=room * MEGABYTES)
    measure = monitor._measure

    def slow(epoch):
        clock[0] += 1.0
        measure(epoch)

    monkeypatch.setattr(monitor, "_measure", slow)
    network().fit(X, Y, epochs=9, verbose=0, callbacks=[Slow(), monitor])
    # The first costs a tenth of an epoch: the next fits when two cost a twentieth of the time.
    assert set(scalars(tmp_path)["pool/noise"]) == {0, 3, 5, 7, 8}
    assert {tag for tag in blobs(tmp_path) if "factors" in tag} == {
        f"pool/factors/{epoch}" for epoch in kept
    }


def test_a_head_that_is_not_linear_is_named_before_training(tmp_path):
    monitor = FilterMonitor(tmp_path, X, Y, stage="pool")
    with pytest.raises(InputError, match=r"'hidden'.*relu"):
        network("relu").fit(X, Y, verbose=0, callbacks=[monitor])
    assert not list(tmp_path.iterdir())


def test_a_stage_that_is_none_is_named_by_the_argument(tmp_path):
    monitor = FilterMonitor(tmp_path, X, Y, stage="nope")
    with pytest.raises(InputError, match="`stage`"):
        network().fit(X, Y, verbose=0, callbacks=[monitor])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"every": 0}, "`every` must"),
        ({"steps": 0}, "`steps` must"),
        ({"threshold": 1.0}, "`threshold` must"),
        ({"threshold": 0.99999999}, "`threshold` must"),  # As float32 it is 1.
        ({"every": [0, 5]}, "`every` must be a whole number from 1, not "),
        ({"max_mb": -1}, "`max_mb` must be a number of at least 0, received -1"),
        ({"max_cost": 0}, "`max_cost` must be a positive number, received 0"),
        ({"y": Y[:3]}, "50 images.*3 labels"),
        ({"y": None}, "array beside `y`"),
        ({"x": iter([]), "y": None}, "again and again"),
        ({"x": 3, "y": None}, "received int"),
    ],
)
def test_wrong_arguments_are_told(arguments, words, tmp_path):
    with pytest.raises(InputError, match=words):
        FilterMonitor(**{"log_dir": tmp_path, "x": X, "y": Y, **arguments})


def test_wrong_number_of_names_is_told(tmp_path):
    monitor = FilterMonitor(tmp_path, X, Y, class_names=["a"])
    with pytest.raises(InputError, match=r"1 names.*3 outputs"):
        network().fit(X, Y, verbose=0, callbacks=[monitor])


def test_a_monitor_may_be_used_again_for_another_network(tmp_path):
    monitor = FilterMonitor(tmp_path / "log", X, Y)
    network().fit(X, Y, verbose=0, callbacks=[monitor])
    assert monitor.class_names == ["0", "1", "2"]
    own = [keras.layers.Conv2D(2, 3, activation="relu"), keras.layers.GlobalAveragePooling2D()]
    net = keras.Sequential([keras.Input(X.shape[1:]), *own, keras.layers.Dense(4, "softmax")])
    net.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    net.fit(X, Y, verbose=0, callbacks=[monitor])
    assert monitor.class_names == ["0", "1", "2", "3"]


def test_a_folder_that_cannot_be_made_is_told_and_a_log_that_cannot_be_begun_is_left(
    tmp_path, caplog, monkeypatch
):
    (tmp_path / "names.txt").write_text("red\ngreen\nblue\n")
    monitor = FilterMonitor(tmp_path / "names.txt/log", X, Y)
    with pytest.raises(InputError, match=r"`log_dir`=.*names.txt/log cannot be used as a folder"):
        network().fit(X, Y, verbose=0, callbacks=[monitor])

    def full(*_):
        raise OSError(28, "No space left on device")

    monitor = FilterMonitor(tmp_path / "log", X, Y, class_names=tmp_path / "names.txt")
    monkeypatch.setattr("sfp_keras.monitoring.writer.EventFile.blobs", full)
    network().fit(X, Y, verbose=0, epochs=2, callbacks=[monitor])
    assert monitor.class_names == ["red", "green", "blue"]
    (message,) = [record.message for record in caplog.records if "FilterMonitor" in record.message]
    assert "could not begin its log and measures no more; the training goes on" in message


def test_every_record_is_in_the_format_tensorboard_wants(tmp_path):
    network().fit(X, Y, verbose=0, callbacks=[FilterMonitor(tmp_path, X, Y)])
    from tensorboard.compat.proto import summary_pb2

    classes = {
        "clusters": summary_pb2.DATA_CLASS_BLOB_SEQUENCE,
        "scalars": summary_pb2.DATA_CLASS_SCALAR,
    }
    found = {
        (value.metadata.plugin_data.plugin_name, value.metadata.data_class)
        for _, _, value in values(tmp_path)
    }
    assert found == set(classes.items())


def test_labels_are_missed_in_all_images_and_not_in_the_first_batch(tmp_path):
    order = np.argsort(Y)
    batches = [(X[rows], Y[rows]) for rows in np.array_split(order, 10)]
    assert len(set(batches[0][1])) == 1
    network().fit(X, Y, epochs=1, verbose=0, callbacks=[FilterMonitor(tmp_path / "all", batches)])
    with pytest.warns(UserWarning, match="2 of 3 labels have no inputs"):
        network().fit(
            X, Y, epochs=1, verbose=0, callbacks=[FilterMonitor(tmp_path / "one", batches[:1])]
        )
