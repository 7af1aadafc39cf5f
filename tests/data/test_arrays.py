import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sfp_keras.data import (
    Augmentation,
    count_labels,
    evaluation_batches,
    load_dataset,
    parse_scaling,
    source_digest,
    training_batches,
)
from sfp_keras.errors import InputError

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (30, 5, 4, 3), np.uint8)
LABELS = np.arange(30) % 3
WHOLE = {"x_train": RGB[:20], "y_train": LABELS[:20], "x_test": RGB[20:], "y_test": LABELS[20:]}


def _file(folder, **arrays):
    np.savez(folder / "images.npz", **arrays)
    return folder / "images.npz"


def _folder(folder, **arrays):
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return folder


def write_sample(folder, name, seed):
    _folder(folder, **{**WHOLE, "x_test": RGB[20:] + np.uint8(seed)})
    return name


def _all(split):
    return split.read(np.arange(len(split)))


@pytest.mark.parametrize("write", [_file, _folder])
@pytest.mark.parametrize("budget", [2 << 30, 100])
def test_images_and_labels_are_those_written(tmp_path, write, budget):
    source = write(tmp_path, **WHOLE)
    if write is _file and budget == 100:
        with pytest.raises(InputError, match=r"GiB of images, above `memory_budget`.*x_train\.npy"):
            load_dataset("arrays", source, memory_budget=budget)
        return
    data = load_dataset("arrays", source, memory_budget=budget)
    assert data.train.in_memory == (budget > 100)
    np.testing.assert_array_equal(_all(data.train), RGB[:20])
    np.testing.assert_array_equal(_all(data.test), RGB[20:])
    np.testing.assert_array_equal(data.train.labels, LABELS[:20])
    assert data.class_names == ("0", "1", "2")
    assert count_labels("arrays", source) == 3


@pytest.mark.parametrize("write", [_file, _folder])
@pytest.mark.parametrize("budget", [2 << 30, 100])
def test_the_order_in_memory_makes_no_difference(tmp_path, write, budget):
    # As transposed arrays of MATLAB's files have it.
    if write is _file and budget == 100:
        return
    (tmp_path / "plain").mkdir()
    source = write(tmp_path, **{**WHOLE, "x_train": np.asfortranarray(RGB[:20])})
    scaling, augmentation = parse_scaling("-1..1"), Augmentation()
    batches = []
    for place in (source, write(tmp_path / "plain", **WHOLE)):
        train = load_dataset("arrays", place, memory_budget=budget).train
        (plain,) = evaluation_batches(train, 20, scaling)
        batches.append([plain[0], next(training_batches(train, 20, 0, scaling, augmentation))[0]])
    np.testing.assert_array_equal(batches[0][0], RGB[:20] / np.float32(127.5) - 1)
    np.testing.assert_array_equal(batches[0], batches[1])


@pytest.mark.parametrize("shape", [(30, 5, 4), (30, 5, 4, 1)])
@pytest.mark.parametrize("budget", [2 << 30, 100])
def test_grey_images_stay_grey_or_become_rgb(tmp_path, shape, budget):
    grey = RGB[..., 0].reshape(shape)
    arrays = {"x_train": grey[:20], "y_train": LABELS[:20, None], "x_test": grey[20:]}
    source = _folder(tmp_path, **arrays, y_test=LABELS[20:])
    data = load_dataset("arrays", source, memory_budget=budget)
    assert data.train.in_memory == (budget > 100)
    np.testing.assert_array_equal(_all(data.train), RGB[:20, ..., :1])
    data = load_dataset("arrays", source, channels=3, memory_budget=budget)
    for channel in range(3):
        np.testing.assert_array_equal(_all(data.train)[..., channel], RGB[:20, ..., 0])
    batches = list(evaluation_batches(data.test, 4, parse_scaling("0..255")))
    np.testing.assert_array_equal(np.concatenate([x for x, _ in batches])[..., 1], RGB[20:, ..., 0])


def test_arrays_without_a_test_part_are_divided(tmp_path):
    source = _file(tmp_path, x=RGB, y=LABELS.astype(np.uint8))
    data = load_dataset("arrays", source, test_fraction=0.3)
    assert np.bincount(data.test.labels).tolist() == [3, 3, 3]
    together = np.concatenate([_all(data.train), _all(data.test)])
    assert sorted(map(bytes, together)) == sorted(map(bytes, RGB))


def test_one_split_alone_class_names_and_another_size(tmp_path):
    source = _file(tmp_path, **WHOLE, class_names=np.array(["ant", "bee", "cat", "dog"]))
    data = load_dataset("arrays", source, only_split="train", image_size=8, test_fraction=0.5)
    assert len(data.train) + len(data.test) == 20
    assert data.image_shape == (8, 8, 3)
    assert data.class_names == ("ant", "bee", "cat", "dog")
    ordered = load_dataset("arrays", source, class_names="dog,cat,bee,ant")
    np.testing.assert_array_equal(ordered.train.labels, 3 - LABELS[:20])


def test_one_split_needs_no_other(tmp_path):
    source = _file(tmp_path, x_train=RGB, y_train=LABELS)
    assert len(load_dataset("arrays", source, only_split="train").train) == 24
    with pytest.raises(InputError, match="has no x_test and no y_test"):
        load_dataset("arrays", source)


def test_too_large_a_file_is_refused_by_its_head(tmp_path):
    # What follows the head is not there: reading it would tell.
    head = io.BytesIO()
    shape = {"descr": "|u1", "fortran_order": False, "shape": (10**6, 224, 224, 3)}
    np.lib.format.write_array_header_1_0(head, shape)
    with zipfile.ZipFile(tmp_path / "images.npz", "w") as archive:
        for name in ("x", "y"):
            archive.writestr(f"{name}.npy", head.getvalue())
    with pytest.raises(InputError, match=r"has 140\.2 GiB of images, above `memory_budget`"):
        load_dataset("arrays", tmp_path / "images.npz")


def test_labels_without_images_are_named(tmp_path, caplog):
    load_dataset("arrays", _file(tmp_path, x=RGB, y=LABELS + 1))
    (record,) = caplog.records
    assert "1 of 4 labels have no images: 0; labels are numbered from 0" in record.getMessage()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_train": RGB[:20] / 255}, r"x_train is float64 \(20, 5, 4, 3\); give uint8"),
        ({"x_train": RGB[:20, ..., :2]}, r"give \(N, height, width, 3\) or grey"),
        ({"x_train": RGB[:19]}, r"x_train has 19 images, y_train 20 labels"),
        ({"x_test": RGB[:0]}, r"x_test is uint8 \(0, 5, 4, 3\), there is no image"),
        (
            {"x_test": RGB[20:, :4]},
            r"differ in size or type, uint8 \(5, 4, 3\) and uint8 \(4,",
        ),
        ({"y_train": LABELS[:20] + 0.5}, r"y_train is float64 \(20,\); give the label"),
        ({"y_train": np.full(20, 2**64 - 1, np.uint64)}, r"y_train is uint64"),
        ({"y_train": LABELS[:20] - 1}, r"a whole number from 0"),
        ({"y_train": np.eye(3, dtype=int)[LABELS[:20]]}, r"y_train is int64 \(20, 3\)"),
        ({"y_test": np.full(10, 10**12)}, r"labels go up to 1,000,000,000,000"),
        ({"class_names": np.array(["ant", "bee"])}, r"class_names is <U3 \(2,\); give 3 texts"),
        ({"x_train": np.array([None] * 20)}, r"x_train cannot be read.*not as objects"),
        (
            {"x_test": np.where(RGB[20:] == RGB[20, 0, 0, 0], np.nan, RGB[20:]).astype(np.float32)}
            | {"x_train": RGB[:20].astype(np.float32)},
            r"`data_dir`=.*: x_test: images hold NaN or infinite values",
        ),
        ({"y_test": None}, r"has no y_test; give x_train, y_train"),
    ],
)
@pytest.mark.parametrize("write", [_file, _folder])
def test_what_does_not_fit_is_named(tmp_path, write, change, message):
    arrays = {name: array for name, array in {**WHOLE, **change}.items() if array is not None}
    with pytest.raises(InputError, match=message):
        load_dataset("arrays", write(tmp_path, **arrays))


def test_what_is_no_file_of_arrays(tmp_path):
    with pytest.raises(InputError, match=r"needs `data_dir`, an \.npz file"):
        load_dataset("arrays")
    with pytest.raises(InputError, match="does not exist"):
        load_dataset("arrays", tmp_path / "none.npz")
    with pytest.raises(InputError, match="has no x and no y"):
        load_dataset("arrays", tmp_path)
    whole = io.BytesIO()
    np.savez(whole, **WHOLE)
    damaged = bytearray(whole.getvalue())
    damaged[400] ^= 255
    single = io.BytesIO()
    np.save(single, RGB)
    for content in (b"", b"text", single.getvalue(), whole.getvalue()[:-100], bytes(damaged)):
        (tmp_path / "images.npz").write_bytes(content)
        with pytest.raises(InputError, match=r"images\.npz( is no \.npz file|: x_train cannot)"):
            load_dataset("arrays", tmp_path / "images.npz")
    with pytest.raises(InputError, match="leave it out"):
        load_dataset("arrays", _file(tmp_path, x=RGB, y=LABELS), only_split="train")


def test_labels_of_one_split_alone_are_told_with_the_mend(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images, labels = np.zeros((12, 4, 4, 3), np.uint8), np.arange(12) % 6
    train, test = labels != 4, labels != 1
    np.savez(
        tmp_path / "some.npz",
        x_train=images[train],
        y_train=labels[train],
        x_test=images[test],
        y_test=labels[test],
        class_names=list("abcdef"),
    )
    load_dataset("arrays", tmp_path / "some.npz")
    without_test, without_training = caplog.messages
    assert "no test images of 1 of 6 labels (b)" in without_test
    assert "no training images of 1 of 6 labels (e)" in without_training
    assert "add training images, or leave these labels out" in without_training


def _npz(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def _npy(shape: tuple[int, ...], kind: str = "|u1", content: bytes = b"") -> bytes:
    head = io.BytesIO()
    fields = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, fields)
    return head.getvalue() + content


LABELS_OF_TWO = _npy((2,), content=b"\0\1")


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (b"", LABELS_OF_TWO, "x cannot be read"),
        (b"<html>not found</html>", LABELS_OF_TWO, r"x cannot be read \(x is no array\)"),
        (_npy((2, 2**68, 1, 3)), LABELS_OF_TWO, "GiB of images, above `memory_budget`"),
        (_npy((2, 4, 4, 3), "|O"), LABELS_OF_TWO, "x cannot be read.*not as objects"),
        (_npy((2, 4, 4, 3), content=bytes(96)), b"PK", "y cannot be read"),
        (_npy((2, 4, 4, 3), content=bytes(96)), _npy((2**70,)), "GiB of labels and class_names"),
        (_npy((2, 4, 4, 3), content=bytes(96)), _npy((10**9,)), "has 2 images, y 1000000000"),
        (
            _npy((2, 4, 4, 3), content=bytes(96)),
            _npy((2,), "|V9", bytes(18)),
            "give the label of each",
        ),
    ],
)
def test_members_that_are_no_arrays_are_one_clear_line(
    tmp_path: Path, x: bytes, y: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load_dataset("arrays", _npz(tmp_path / "some.npz", x=x, y=y))


@pytest.mark.parametrize(("place", "mask"), [(6, 1), (8, 97)], ids=["encrypted", "compression"])
def test_archives_that_python_cannot_open_are_one_clear_line(
    tmp_path: Path, place: int, mask: int
) -> None:
    path = _file(tmp_path, **WHOLE)
    content = bytearray(path.read_bytes())
    # In the heads of the members, and two bytes further on in those of the archive's list.
    for sign, shift in ((b"PK\3\4", 0), (b"PK\1\2", 2)):
        here = content.find(sign)
        while here >= 0:
            content[here + place + shift] |= mask
            here = content.find(sign, here + 4)
    path.write_bytes(content)
    with pytest.raises(InputError, match="x_train cannot be read"):
        load_dataset("arrays", path)


def test_names_are_counted_with_the_memory(tmp_path: Path) -> None:
    folder = _folder(tmp_path, **WHOLE)
    (folder / "class_names.npy").write_bytes(_npy((3,), "<U200000000"))
    with pytest.raises(InputError, match=r"has 2\.2 GiB of labels and class_names, above"):
        load_dataset("arrays", folder)
    with pytest.raises(InputError, match=r"GiB of labels and class_names"):
        count_labels("arrays", folder)


def test_a_pipe_among_the_arrays_is_not_waited_for(tmp_path: Path) -> None:
    folder = _folder(tmp_path, **WHOLE)
    os.mkfifo(folder / "class_names.npy")
    assert load_dataset("arrays", folder).class_names == ("0", "1", "2")
    assert source_digest("arrays", folder)
    os.mkfifo(tmp_path / "pipe.npz")
    assert source_digest("arrays", tmp_path / "pipe.npz") is None
    with pytest.raises(InputError, match="does not exist"):
        load_dataset("arrays", tmp_path / "pipe.npz")


def test_single_images_of_labels_cannot_be_divided(tmp_path):
    with pytest.raises(InputError, match=r"`name`=arrays has one image of each label"):
        load_dataset("arrays", _file(tmp_path, x=RGB[:3], y=LABELS[:3]))
