import io
import os
import pickle
import tarfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from sfp_keras.data import channel_statistics, load_dataset
from sfp_keras.data.pickles import load_plain_pickle
from sfp_keras.errors import InputError

COARSE_OF_FINE = np.arange(100) % 20


def _entries(num_labels, label_key, count):
    labels = np.arange(count) % num_labels
    data = np.random.default_rng(count).integers(0, 256, (count, 3072), dtype=np.uint8)
    entries = {b"data": data, label_key: labels.tolist()}
    if num_labels == 100:
        entries[b"coarse_labels"] = COARSE_OF_FINE[labels].tolist()
    return entries


def _write(folder, protocol=2, name="cifar100"):
    if name == "cifar100":
        folder = folder / "cifar-100-python"
        files = {"train": _entries(100, b"fine_labels", 200)}
        files["test"] = _entries(100, b"fine_labels", 100)
        files["meta"] = {b"fine_label_names": [b"class%d" % i for i in range(100)]}
    else:
        folder = folder / "cifar-10-batches-py"
        files = {f"data_batch_{i}": _entries(10, b"labels", 20 + i) for i in range(1, 6)}
        files["test_batch"] = _entries(10, b"labels", 30)
        files["batches.meta"] = {b"label_names": [b"class%d" % i for i in range(10)]}
    folder.mkdir(parents=True)
    for file, entries in files.items():
        (folder / file).write_bytes(pickle.dumps(entries, protocol=protocol))
    return folder


def write_sample(folder, name, seed):
    _write(folder, name=name)
    return name


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_cifar100_with_names_superclasses_and_pixels_in_place(tmp_path, protocol):
    folder = _write(tmp_path, protocol)
    data = load_dataset("cifar100", tmp_path)
    assert (len(data.train), len(data.test)) == (200, 100)
    assert data.class_names[7] == "class7"
    assert data.original_labels == tuple(range(100))
    np.testing.assert_array_equal(data.superclasses, COARSE_OF_FINE)
    # The publisher stores the channels one after the other.
    raw = pickle.loads((folder / "train").read_bytes())[b"data"][3].reshape(3, 32, 32)
    np.testing.assert_array_equal(data.train.images[3], raw.transpose(1, 2, 0))
    # The folder itself is taken as well.
    np.testing.assert_array_equal(load_dataset("cifar100", folder).test.labels, data.test.labels)


def test_cifar10_joins_its_batches(tmp_path):
    _write(tmp_path, name="cifar10")
    data = load_dataset("cifar10", tmp_path)
    assert len(data.train) == 21 + 22 + 23 + 24 + 25
    assert data.superclasses is None


def test_only_one_split_is_divided_and_cut(tmp_path):
    _write(tmp_path)
    files = load_dataset("cifar100", tmp_path)
    data = load_dataset("cifar100", tmp_path, only_split="train", test_fraction=0.5)
    assert len(data.train) == len(data.test) == 100
    assert np.bincount(data.train.labels).tolist() == np.bincount(data.test.labels).tolist()
    together = np.concatenate([data.train.images, data.test.images])
    assert {x.tobytes() for x in together} == {x.tobytes() for x in files.train.images}
    np.testing.assert_array_equal(data.superclasses, COARSE_OF_FINE)
    cut = load_dataset(
        "cifar100", tmp_path, only_split="train", test_fraction=0.5, image_size=28, resize="crop"
    )
    np.testing.assert_array_equal(cut.test.images, data.test.images[:, 2:30, 2:30])
    with pytest.raises(InputError, match=r"`only_split`=validation: .* it has train, test$"):
        load_dataset("cifar100", tmp_path, only_split="validation")


def test_the_publishers_archive_is_read_without_unpacking(tmp_path):
    folder = _write(tmp_path / "made")
    archive = tmp_path / "cifar-100-python.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, "cifar-100-python")
    wanted = load_dataset("cifar100", folder)
    for data_dir in (tmp_path, archive):
        data = load_dataset("cifar100", data_dir)
        np.testing.assert_array_equal(data.train.images, wanted.train.images)
    archive.write_bytes(archive.read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"tar\.gz.* is cut short"):
        load_dataset("cifar100", archive)


def test_pickles_of_both_numpy_names_are_read():
    # What NumPy 1 under Python 2 wrote into the publisher's files, by hand.
    text = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        b"(I1\n(I3\ntcnumpy\ndtype\n(S'u1'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntb"
        b"I00\nS'\\x01\\x02\\x03'\ntb."
    )
    for spelling in (text, text.replace(b"numpy.core", b"numpy._core")):
        array = load_plain_pickle(io.BytesIO(spelling), "file")
        np.testing.assert_array_equal(array, np.array([1, 2, 3], np.uint8))


class _Malicious:
    def __init__(self, call, *arguments):
        self.reduced = (call, arguments)

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_malicious_pickle_is_refused_and_not_executed(tmp_path, protocol):
    folder = _write(tmp_path)
    target = tmp_path / "executed"
    bad = _Malicious(os.mkdir, str(target))
    (folder / "train").write_bytes(pickle.dumps({b"data": bad}, protocol=protocol))
    with pytest.raises(InputError, match=r"train is not safe to read.*mkdir.*nothing was"):
        load_dataset("cifar100", tmp_path)
    assert not target.exists()


@pytest.mark.parametrize("call", [eval, getattr, np.load, np.fromfile, pickle.loads])
def test_other_functions_are_refused_too(call):
    data = pickle.dumps(_Malicious(call, "print()"), protocol=4)
    with pytest.raises(InputError, match="not safe"):
        load_plain_pickle(io.BytesIO(data), "file")


def test_codecs_encode_is_good_for_bytes_only():
    data = b"c_codecs\nencode\n(Vabc\nVrot13\ntR."
    with pytest.raises(InputError, match="not safe"):
        load_plain_pickle(io.BytesIO(data), "file")


def _empty(folder):
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def _truncate(folder):
    (folder / "train").write_bytes((folder / "train").read_bytes()[:5000])


def _remove_test(folder):
    (folder / "test").unlink()


def _no_pickle(folder):
    (folder / "test").write_bytes(b"not a pickle")


def _other_entries(folder):
    (folder / "train").write_bytes(pickle.dumps(_entries(10, b"labels", 20)))


def _other_pixels(folder):
    entries = _entries(100, b"fine_labels", 20)
    entries[b"data"] = entries[b"data"].astype(np.float32)
    (folder / "train").write_bytes(pickle.dumps(entries))


def _other_labels(folder):
    entries = _entries(100, b"fine_labels", 20)
    entries[b"fine_labels"] = entries[b"fine_labels"][:-1]
    (folder / "train").write_bytes(pickle.dumps(entries))


def _other_type(folder):
    (folder / "meta").write_bytes(pickle.dumps([1, 2]))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_empty, "`data_dir`.* is empty; put cifar-100-python/"),
        (_truncate, "train is cut short or no pickle"),
        (_remove_test, "`data_dir`.* not complete, test missing"),
        (_no_pickle, "test is cut short or no pickle"),
        (_other_entries, "train is of another format: it has no 'fine_labels'"),
        (_other_pixels, "train is of another format: 'data'"),
        (_other_labels, "train is of another format: 'fine_labels'"),
        (_other_type, "meta is of another format"),
    ],
)
def test_damaged_files_are_named_in_one_line(tmp_path, damage, message):
    damage(_write(tmp_path))
    with pytest.raises(InputError, match=message) as caught:
        load_dataset("cifar100", tmp_path)
    assert "\n" not in str(caught.value)


def test_the_other_cifar_set_is_recognised(tmp_path):
    _write(tmp_path, name="cifar10")
    with pytest.raises(InputError, match="holds cifar10, not cifar100; use `name`=cifar10"):
        load_dataset("cifar100", tmp_path)


def test_a_data_dir_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"`data_dir`=.* does not exist"):
        load_dataset("cifar10", tmp_path / "nowhere")


def _real_data_dir():
    for place in (os.environ.get("SFP_DATA_DIR"), Path(__file__).parents[3] / "shared"):
        if place and (Path(place) / "cifar-100-python").is_dir():
            return place
    pytest.skip("no cifar-100-python/ in the folder that SFP_DATA_DIR names")


def test_the_real_cifar100_has_its_published_statistics():
    data = load_dataset("cifar100", _real_data_dir())
    assert np.bincount(data.train.labels).tolist() == [500] * 100
    assert np.bincount(data.test.labels).tolist() == [100] * 100
    assert np.bincount(data.superclasses).tolist() == [5] * 20
    statistics = channel_statistics(data.train)
    np.testing.assert_allclose(statistics.mean, [0.5071, 0.4865, 0.4409], atol=6e-5)
    np.testing.assert_allclose(statistics.std, [0.2673, 0.2564, 0.2762], atol=6e-5)


def _numpy_numbers(entries):
    for key, value in entries.items():
        if isinstance(value, list):
            entries[key] = [
                np.int64(n) if isinstance(n, int) else np.str_(n, "utf8") for n in value
            ]


def _arrays(entries):
    entries.update({key: np.array(value) for key, value in entries.items()})


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("change", [_numpy_numbers, _arrays])
def test_files_that_were_packed_again_are_read(tmp_path, protocol, change):
    wanted = load_dataset("cifar100", _write(tmp_path / "publisher"))
    folder = _write(tmp_path / "again")
    for file in folder.iterdir():
        entries = pickle.loads(file.read_bytes())
        change(entries)
        file.write_bytes(pickle.dumps(OrderedDict(entries) if protocol == 4 else entries, protocol))
    data = load_dataset("cifar100", folder)
    np.testing.assert_array_equal(data.train.images, wanted.train.images)
    np.testing.assert_array_equal(data.test.labels, wanted.test.labels)
    assert data.class_names == wanted.class_names


def _shared(kind, depth=60):
    value = kind([kind(), kind()])
    for _ in range(depth):
        value = kind([value, value])
    return value


class _Dtype:
    def __init__(self, argument):
        self.argument = argument

    def __reduce__(self):
        return np.dtype, (self.argument,)


def _as_key(value):
    # Put together from parts, for such a dict cannot be made.
    return b"\x80\x02}" + pickle.dumps(value, 2)[2:-1] + b"K\x01s."


@pytest.mark.parametrize("kind", [tuple, list])
@pytest.mark.parametrize(
    ("file", "make"),
    [
        ("train", lambda value: pickle.dumps(_entries(100, b"", 9) | {b"fine_labels": value}, 2)),
        (
            "train",
            lambda value: pickle.dumps(_entries(100, b"", 9) | {b"fine_labels": [value] * 9}),
        ),
        ("train", lambda value: pickle.dumps({b"data": _Dtype(value)})),
        ("train", _as_key),
        ("meta", lambda value: pickle.dumps({b"fine_label_names": [value] * 100})),
    ],
    ids=["labels", "label", "dtype", "key", "name"],
)
def test_values_that_hold_one_another_end(tmp_path, kind, file, make):
    folder = _write(tmp_path)
    (folder / file).write_bytes(make(_shared(kind)))
    with pytest.raises(InputError, match=r"not safe|another format|no pickle"):
        load_dataset("cifar100", tmp_path)


def test_names_of_other_encodings_and_links_in_archives(tmp_path):
    folder = _write(tmp_path / "made")
    names = [b"class%d" % i for i in range(99)] + ["fenêtre".encode("latin1")]
    (folder / "meta").write_bytes(pickle.dumps({b"fine_label_names": names}, 2))
    assert load_dataset("cifar100", folder).class_names[-1] == "fenêtre"
    (folder / "test").rename(tmp_path / "test")
    (folder / "test").symlink_to("/etc/hostname")
    archive = tmp_path / "cifar-100-python.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, "cifar-100-python")
        tar.add(tmp_path / "test", b"caf\xe9".decode("utf8", "surrogateescape"))
    with pytest.raises(InputError, match="does not hold test as files under cifar-100-python/"):
        load_dataset("cifar100", archive)
