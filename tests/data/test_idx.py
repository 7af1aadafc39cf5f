"""Images and labels written as their publishers write MNIST, Fashion-MNIST, KMNIST and EMNIST."""

import gzip
import struct

import numpy as np
import pytest

from sfp_keras.data import count_labels, load_dataset, source_digest
from sfp_keras.errors import InputError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (260, 8, 8), dtype=np.uint8)
LABELS = RNG.integers(0, 10, 260, dtype=np.uint8)
PARTS = {"train": slice(0, 200), "t10k": slice(200, 260)}


def _idx(array, kind=8):
    head = bytes((0, 0, kind, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.tobytes()


def _write(folder, prefix="", test="t10k", packed=False, labels=LABELS):
    folder.mkdir(exist_ok=True)
    for split, part in zip(("train", test), PARTS.values(), strict=True):
        for kind, array in (("images-idx3", IMAGES[part]), ("labels-idx1", labels[part])):
            name, content = f"{prefix}{split}-{kind}-ubyte", _idx(array)
            if packed:
                name, content = f"{name}.gz", gzip.compress(content)
            (folder / name).write_bytes(content)
    return folder


def write_sample(folder, name, seed):
    _write(folder, labels=(LABELS + seed) % 10)
    return name


@pytest.mark.parametrize("packed", [False, True])
def test_images_and_labels_are_those_written(tmp_path, packed):
    data = load_dataset("idx", _write(tmp_path, packed=packed))
    assert data.image_shape == (8, 8, 1)
    assert data.class_names == tuple("0123456789")
    for split, part in zip((data.train, data.test), PARTS.values(), strict=True):
        np.testing.assert_array_equal(split.images[..., 0], IMAGES[part])
        np.testing.assert_array_equal(split.labels, LABELS[part])


def test_unpacked_files_are_mapped_where_memory_is_short(tmp_path):
    _write(tmp_path)
    data = load_dataset("idx", tmp_path, memory_budget=1000)
    assert not data.train.in_memory
    np.testing.assert_array_equal(data.train.read(np.arange(200))[..., 0], IMAGES[:200])
    packed = _write(tmp_path / "packed", packed=True)
    with pytest.raises(InputError, match="above `memory_budget`; raise that, or unpack"):
        load_dataset("idx", packed, memory_budget=1000)


@pytest.mark.parametrize("packed", [False, True])
def test_one_split_is_divided(tmp_path, packed):
    data = load_dataset("idx", _write(tmp_path, packed=packed), only_split="train")
    assert len(data.train) + len(data.test) == 200
    with pytest.raises(InputError, match=r"no such split; it has train, test"):
        load_dataset("idx", tmp_path, only_split="val")


def test_emnist_is_upright_with_its_letters(tmp_path):
    # Its letters are numbered from 1.
    _write(tmp_path, "emnist-letters-", "test", packed=True, labels=LABELS + 1)
    _write(tmp_path, "emnist-digits-", "test", packed=True)
    lines = [f"{n + 1} {65 + n} {97 + n}" for n in range(26)]
    (tmp_path / "emnist-letters-mapping.txt").write_text("\r\n".join(lines) + "\n", "utf-8-sig")
    with pytest.raises(InputError, match=r"several sets; give one: .*/emnist-digits, .*letters"):
        load_dataset("idx", tmp_path)
    data = load_dataset("idx", tmp_path / "emnist-letters")
    assert data.class_names[:2] == ("Aa", "Bb")
    assert data.num_labels == count_labels("idx", tmp_path / "emnist-letters") == 26
    np.testing.assert_array_equal(data.test.labels, LABELS[200:260])
    np.testing.assert_array_equal(data.train.images[3, ..., 0], IMAGES[3].T)
    assert source_digest("idx", tmp_path / "emnist-letters") != source_digest(
        "idx", tmp_path / "emnist-digits"
    )
    (tmp_path / "emnist-letters-mapping.txt").write_text("1 65\n")
    with pytest.raises(InputError, match=r"mapping\.txt lacks the labels 2, 3"):
        load_dataset("idx", tmp_path / "emnist-letters")
    (tmp_path / "emnist-letters-mapping.txt").write_text("one A\n")
    with pytest.raises(InputError, match=r"no list of labels and characters"):
        count_labels("idx", tmp_path / "emnist-letters")


HUGE = bytes((0, 0, 8, 3)) + struct.pack(">3I", 2**31, 2**31, 2**31)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("images-idx3", b"", "no IDX file of bytes with 3 axes, it begins with nothing"),
        ("images-idx3", b"\x1f\x8b\x08\x00" + bytes(90), "it begins with 1f 8b 08 00"),
        ("images-idx3", _idx(IMAGES[:200], kind=13), "it begins with 00 00 0d 03"),
        ("images-idx3", _idx(LABELS), "it begins with 00 00 08 01"),
        ("images-idx3", _idx(IMAGES[:200])[:-1], "than its head says|needed for what its head"),
        ("images-idx3", _idx(IMAGES[:200]) + b"x", "than its head says|needed for what its head"),
        ("images-idx3", HUGE, "has 2147483648 images, train-labels.* 200 labels"),
        ("images-idx3", _idx(IMAGES[:0]), "is empty"),
        ("images-idx3", _idx(IMAGES[:200, :7]), "training and test images differ in size"),
        ("labels-idx1", _idx(LABELS[:199]), "has 200 images, train-labels.* 199 labels"),
        ("labels-idx1", _idx(LABELS[:200])[:50], "than its head says|needed for what its head"),
    ],
)
def test_damaged_files_are_one_clear_line(tmp_path, packed, file, content, message):
    name = f"train-{file}-ubyte"
    _write(tmp_path, packed=packed)
    path = tmp_path / (f"{name}.gz" if packed else name)
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(InputError, match=message) as caught:
        load_dataset("idx", tmp_path)
    assert name in str(caught.value) or "differ in size" in message
    assert "\n" not in str(caught.value)


def test_damaged_packing_and_missing_files_are_named(tmp_path):
    _write(tmp_path, packed=True)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    for content in (whole[:-100], b"no gzip", whole[:500] + bytes(50) + whole[550:]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"images-idx3-ubyte\.gz is cut short or damaged"):
            load_dataset("idx", tmp_path)
    path.unlink()
    with pytest.raises(InputError, match="has no train images; give train-images-idx3-ubyte"):
        load_dataset("idx", tmp_path)
    data = load_dataset("idx", tmp_path, only_split="test")
    assert len(data.train) + len(data.test) == 60
