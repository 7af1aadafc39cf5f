import hashlib
import logging
import socket
import tarfile
import time

import numpy as np
import pytest

from sfp_keras.data import load_dataset
from sfp_keras.errors import InputError

pytestmark = [
    # These come from inside tensorflow-datasets and what it imports.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ImportWarning"),
]


def _grey(label, i):
    return np.full((5, 6, 1), 50 * label + i, np.uint8)


def write_sample(folder, name, seed):
    import tensorflow_datasets as tfds

    class SfpSample(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            image = tfds.features.Image(shape=(6, 5, 3))
            label = tfds.features.ClassLabel(num_classes=3)
            features = tfds.features.FeaturesDict({"image": image, "label": label})
            return tfds.core.DatasetInfo(builder=self, features=features)

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples(12), "test": self._generate_examples(6)}

        def _generate_examples(self, count):
            images = np.random.default_rng(seed).integers(0, 256, (count, 6, 5, 3), np.uint8)
            yield from ((i, {"image": images[i], "label": i % 3}) for i in range(count))

    SfpSample(data_dir=folder).download_and_prepare()
    return "sfp_sample"


@pytest.fixture(scope="module")
def tfds():
    import tensorflow_datasets

    return tensorflow_datasets


@pytest.fixture(scope="module")
def builders(tfds):
    """Real builders; the first is generated without a download."""
    features = tfds.features

    class SfpBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self, features=features.FeaturesDict(self.features())
            )

        def features(self):
            return {
                "image": features.Image(shape=(None, None, 1)),
                "label": features.ClassLabel(names=["a", "b", "c"]),
            }

        def _split_generators(self, dl_manager):
            return {name: self._generate_examples(n) for name, n in self.counts.items()}

        def _generate_examples(self, count):
            for key in range(3 * count):
                yield key, self.example(key % 3, key // 3)

        def example(self, label, i):
            return {"image": _grey(label, i), "label": label}

    class SfpTwoSplits(SfpBuilder):
        counts = {"train": 6, "test": 2}  # noqa: RUF012

    class SfpOneSplit(SfpBuilder):
        counts = {"train": 10}  # noqa: RUF012

    class SfpWithheld(SfpBuilder):
        counts = {"train": 4, "test": 1, "validation": 2}  # noqa: RUF012

        def _generate_examples(self, count):
            for key, example in super()._generate_examples(count):
                yield key, {**example, "label": -1 if count == 1 else example["label"]}

    class SfpSizes(SfpBuilder):
        counts = {"train": 2, "test": 1}  # noqa: RUF012

        def example(self, label, i):
            return {"image": np.zeros((5 + i, 6, 1), np.uint8), "label": label}

    class SfpScores(SfpBuilder):
        counts = {"train": 2}  # noqa: RUF012

        def features(self):
            return {"image": features.Image(), "score": tfds.features.Scalar(np.float32)}

        def example(self, label, i):
            return {"image": np.zeros((5, 6, 3), np.uint8), "score": 0.5}

    return SfpTwoSplits, SfpOneSplit, SfpWithheld, SfpSizes, SfpScores


@pytest.fixture(scope="module")
def prepared(builders, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    for builder in builders[:4]:
        builder(data_dir=folder).download_and_prepare()
    return folder


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise OSError

    monkeypatch.setattr(socket, "create_connection", refuse)


def _levels(split):
    return sorted(split.read(np.arange(len(split)))[:, 0, 0, -1].tolist())


def _assert_images_show_their_labels(split):
    levels = split.read(np.arange(len(split)))[:, 0, 0, 0]
    np.testing.assert_array_equal(levels // 50, split.labels)


def test_a_prepared_set_is_found_in_any_of_its_folders(prepared):
    for data_dir in (
        prepared,
        prepared / "sfp_two_splits",
        prepared / "sfp_two_splits" / "1.0.0",
    ):
        data = load_dataset("sfp_two_splits", data_dir)
        assert (len(data.train), len(data.test)) == (18, 6)
        assert data.class_names == ("a", "b", "c")
        assert data.image_shape == (5, 6, 1)
        assert load_dataset("sfp_two_splits", data_dir, channels=3).image_shape == (5, 6, 3)
        assert _levels(data.test) == [0, 1, 50, 51, 100, 101]
        _assert_images_show_their_labels(data.train)
    assert len(load_dataset("sfp_two_splits:1.0.0", prepared).test) == 6
    with pytest.raises(InputError, match="holds sfp_two_splits, not mnist"):
        load_dataset("mnist", prepared / "sfp_two_splits" / "1.0.0")


def test_one_split_is_divided_label_by_label(prepared):
    data = load_dataset("sfp_one_split", prepared)
    assert np.bincount(data.test.labels).tolist() == [2, 2, 2]
    assert np.bincount(data.train.labels).tolist() == [8, 8, 8]
    _assert_images_show_their_labels(data.test)


def test_a_test_split_without_labels_is_passed_over(prepared):
    data = load_dataset("sfp_withheld", prepared)
    assert len(data.test) == 6
    _assert_images_show_their_labels(data.test)


def test_different_sizes_need_an_image_size(prepared):
    with pytest.raises(InputError, match=r"`image_size` is needed.* [56]x6 and [56]x6"):
        load_dataset("sfp_sizes", prepared)
    assert load_dataset("sfp_sizes", prepared, image_size=4).image_shape == (4, 4, 1)


def test_a_large_set_is_decoded_once_into_a_mapped_file(prepared, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "sfp_keras"):
        for _ in range(2):
            data = load_dataset("sfp_one_split", prepared, memory_budget=100, cache_dir=tmp_path)
            assert not data.train.in_memory
            held = load_dataset("sfp_one_split", prepared)
            for split, other in ((data.train, held.train), (data.test, held.test)):
                np.testing.assert_array_equal(split.labels, other.labels)
                np.testing.assert_array_equal(split.read(range(len(split))), other.images)
    assert caplog.text.count("decoding sfp_one_split") == 1
    # Without its mark of completion the file is made again.
    mark = next(tmp_path.glob("*.npz"))
    mark.unlink()
    load_dataset("sfp_one_split", prepared, memory_budget=100, cache_dir=tmp_path)
    assert mark.is_file()
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("damage", ["none", "record", "images"])
def test_decoding_that_was_stopped_goes_on(damage, prepared, tmp_path, monkeypatch):
    monkeypatch.setattr("sfp_keras.data.sources.tfds._BLOCK", 4)
    monkeypatch.setattr("sfp_keras.checkpoints.PassCheckpoint.due", True)
    calls = []

    def counted(image, name, channels, stop=False):
        if stop and len(calls) == 10:
            raise KeyboardInterrupt
        calls.append(image)
        return pixels(image, name, channels)

    from sfp_keras.data.sources.tfds import _pixels as pixels

    def load():
        return load_dataset("sfp_one_split", prepared, memory_budget=100, cache_dir=tmp_path)

    monkeypatch.setattr("sfp_keras.data.sources.tfds._pixels", lambda *a: counted(*a, stop=True))
    with pytest.raises(KeyboardInterrupt):
        load()
    (record,), (images,) = tmp_path.glob("*.progress.npz"), tmp_path.glob("*.part")
    if damage == "record":
        record.write_bytes(record.read_bytes()[:-100])
    elif damage == "images":
        images.unlink()
    calls.clear()
    monkeypatch.setattr("sfp_keras.data.sources.tfds._pixels", counted)
    data, held = load(), load_dataset("sfp_one_split", prepared)
    count = len(data.train) + len(data.test)
    assert len(calls) == 2 * count - (8 if damage == "none" else 0)
    for split, other in ((data.train, held.train), (data.test, held.test)):
        np.testing.assert_array_equal(split.labels, other.labels)
        np.testing.assert_array_equal(split.read(range(len(split))), other.images)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".lock", ".npy", ".npz"]


def test_only_one_split_is_divided(prepared):
    data = load_dataset("sfp_two_splits", prepared, only_split="train", test_fraction=1 / 3)
    assert np.bincount(data.test.labels).tolist() == [2, 2, 2]
    assert _levels(data.train) != _levels(data.test)
    assert sorted(_levels(data.train) + _levels(data.test)) == [
        50 * label + i for label in range(3) for i in range(6)
    ]
    _assert_images_show_their_labels(data.test)
    assert len(load_dataset("sfp_withheld", prepared, only_split="val").train) == 3
    with pytest.raises(InputError, match=r"`only_split`=val: .*sfp_two_.* it has train, test$"):
        load_dataset("sfp_two_splits", prepared, only_split="val")
    with pytest.raises(InputError, match="without a label in its split test"):
        load_dataset("sfp_withheld", prepared, only_split="test")


def test_the_cache_tells_cut_from_stretched_images(prepared, tmp_path):
    def images(channels=3, **arguments):
        size = (4, 3)
        data = load_dataset("sfp_sizes", prepared, image_size=size, channels=channels, **arguments)
        return np.concatenate([s.read(range(len(s))) for s in (data.train, data.test)])

    for resize in ("crop", "stretch", "crop"):
        cached = images(resize=resize, memory_budget=1, cache_dir=tmp_path)
        np.testing.assert_array_equal(cached, images(resize=resize))
    grey = images(channels=1, memory_budget=1, cache_dir=tmp_path)
    np.testing.assert_array_equal(grey, images()[..., :1])
    names = sorted(path.stem.rpartition("-")[0] for path in tmp_path.glob("*.npz"))
    assert names == [
        f"sfp_sizes-1.0.0-{s}-4x3{c}" for s in ("test", "train") for c in ("", "-crop", "-grey")
    ]


def test_the_cache_tells_sets_of_one_name_apart(tmp_path):
    """Prepared in two places, or anew in one."""
    held = {}
    for place in ("here", "there"):
        name = write_sample(tmp_path / place, "sfp_sample", seed=len(held))
        data = load_dataset(name, tmp_path / place, memory_budget=1, cache_dir=tmp_path / "cache")
        assert not data.train.in_memory
        held[place] = data.train.read(range(len(data.train)))
        loaded = load_dataset(name, tmp_path / place).train
        np.testing.assert_array_equal(held[place], loaded.images)
    assert (held["here"] != held["there"]).any()


def test_a_full_disk_is_one_clear_line(prepared, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(InputError, match=r"No space left.*make room.*`cache_dir`.*`memory_budget`"):
        load_dataset("sfp_one_split", prepared, memory_budget=100, cache_dir=tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".lock"]


def test_damaged_records_are_one_clear_line(builders, tmp_path):
    builders[1](data_dir=tmp_path).download_and_prepare()
    record = next(tmp_path.rglob("*.tfrecord*"))
    record.write_bytes(record.read_bytes()[:-300])
    with pytest.raises(InputError, match=r"cannot be read .*prepare it again") as caught:
        load_dataset("sfp_one_split", tmp_path)
    assert "\n" not in str(caught.value)


def test_without_a_network_it_says_so_within_seconds(tmp_path, no_network):
    start = time.monotonic()
    with pytest.raises(InputError, match=r"no network .*mnist is not under `data_dir`"):
        load_dataset("mnist", tmp_path)
    # Other data in the folder must not lead to minutes of retries.
    (tmp_path / "downloads" / "manual").mkdir(parents=True)
    with pytest.raises(InputError, match=r"no network .*cifar100 is not under `data_dir`"):
        load_dataset("cifar100", tmp_path)
    assert time.monotonic() - start < 20


def test_an_archive_in_the_manual_folder_needs_no_network(tmp_path, tfds, no_network, monkeypatch):
    binary = tmp_path / "cifar-10-batches-bin"
    binary.mkdir()
    record = np.random.default_rng(0).integers(0, 256, (4, 3073), dtype=np.uint8)
    record[:, 0] = [0, 1, 2, 9]
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        (binary / f"{name}.bin").write_bytes(record.tobytes())
    (binary / "batches.meta.txt").write_text("\n".join(f"class{i}" for i in range(10)))
    manual = tmp_path / "downloads" / "manual"
    manual.mkdir(parents=True)
    with tarfile.open(manual / "cifar-10-binary.tar.gz", "w:gz") as archive:
        archive.add(binary, binary.name)
    with pytest.raises(InputError, match=r"cifar10 cannot be prepared .* wrong checksum"):
        load_dataset("cifar10", tmp_path)
    path = manual / "cifar-10-binary.tar.gz"
    infos = tfds.builder("cifar10", data_dir=tmp_path).url_infos
    [(url, info)] = infos.items()
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    changed = type(info)(path.stat().st_size, checksum, path.name)
    monkeypatch.setitem(infos, url, changed)
    data = load_dataset("cifar10", tmp_path)
    assert (len(data.train), len(data.test)) == (20, 4)
    assert data.class_names[9] == "class9"
    assert sorted(data.test.labels) == [0, 1, 2, 9]


@pytest.mark.parametrize("name", ["mnits", "mnist:huggingface", "huggingface:mnist", "a b", ""])
def test_unknown_names_are_refused_with_what_is_known(name, tmp_path, no_network):
    with pytest.raises(
        InputError, match=r"`name`=.* is unknown.*cifar10, cifar100, digits"
    ) as caught:
        load_dataset(name, tmp_path)
    if name == "mnits":
        assert "did you mean mnist" in str(caught.value)


def test_sets_that_are_no_image_classification_are_refused(builders, tmp_path):
    builders[4](data_dir=tmp_path).download_and_prepare()
    with pytest.raises(InputError, match="`name`=sfp_scores is no image classification"):
        load_dataset("sfp_scores", tmp_path)
    with pytest.raises(InputError, match="`name`=titanic is no image classification"):
        load_dataset("titanic", tmp_path)
