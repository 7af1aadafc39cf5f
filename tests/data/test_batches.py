import itertools
import subprocess
import sys
import threading

import numpy as np
import pytest

from sfp_keras.data import (
    Augmentation,
    ImageSplit,
    LazyImages,
    augment,
    epoch_order,
    evaluation_batches,
    parse_scaling,
    steps_per_epoch,
    training_batches,
)
from sfp_keras.errors import InputError

COUNT = 23
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, 6, 7, 3), dtype=np.uint8)
LABELS = np.arange(COUNT)
HELD = ImageSplit(IMAGES, LABELS)
SCALING = parse_scaling("-1..1")


class _Lazy(LazyImages):
    def __init__(self, broken=None):
        self.shape = IMAGES.shape
        self.broken = broken

    def read(self, indices):
        if self.broken in indices:
            raise InputError("image cannot be decoded")
        return IMAGES[indices]


def _take(batches, count):
    return list(itertools.islice(batches, count))


def _assert_same(first, second):
    for (x, y), (other_x, other_y) in zip(first, second, strict=True):
        np.testing.assert_array_equal(x, other_x)
        np.testing.assert_array_equal(y, other_y)


def _prefetch_threads():
    return [thread for thread in threading.enumerate() if thread.name == "sfp-prefetch"]


def test_an_epoch_has_every_image_once_and_a_short_last_batch():
    batches = _take(training_batches(HELD, 10, 0, SCALING), steps_per_epoch(COUNT, 10) + 1)
    assert [len(y) for _, y in batches] == [10, 10, 3, 10]
    labels = np.concatenate([y for _, y in batches[:3]])
    np.testing.assert_array_equal(labels, epoch_order(0, 0, COUNT))
    assert sorted(labels) == list(range(COUNT))
    assert batches[0][1].tolist() != batches[3][1].tolist()
    x, y = batches[1]
    assert (x.dtype, y.dtype) == (np.float32, np.int64)
    np.testing.assert_array_equal(x, SCALING(IMAGES[y]))


def test_each_image_is_augmented_by_its_own_draw_whatever_the_batches():
    augmentation = Augmentation(shift=2)
    draws = augmentation.draw(COUNT, 5, 1)
    for batch_size in (1, 7, 100):
        batches = training_batches(HELD, batch_size, 5, SCALING, augmentation, first_epoch=1)
        for x, y in _take(batches, steps_per_epoch(COUNT, batch_size)):
            wanted = augment(SCALING(IMAGES[y]), draws.at(y), np.zeros(3))
            np.testing.assert_array_equal(x, wanted)


@pytest.mark.parametrize("text", ["-1..1", "0..255", "0.2,0.5,0.7/0.3,0.2,0.1"])
def test_pixels_moved_in_are_scaled_mid_grey_exactly(text):
    white = ImageSplit(np.full((200, 5, 5, 3), 255, np.uint8), np.zeros(200, np.int64))
    scaling = parse_scaling(text)
    x, _ = next(training_batches(white, 200, 0, scaling, Augmentation(shift=3)))
    found = np.unique(x.reshape(-1, 3), axis=0)
    wanted = [scaling.mid_grey, scaling(white.images[:1])[0, 0, 0]]
    np.testing.assert_array_equal(found, wanted)
    if text == "-1..1":
        assert found[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("split", [HELD, ImageSplit(_Lazy(), LABELS)], ids=["held", "lazy"])
def test_a_later_first_epoch_continues_exactly(split):
    whole = _take(training_batches(split, 10, 4, SCALING, Augmentation(shift=1)), 12)
    later = training_batches(split, 10, 4, SCALING, Augmentation(shift=1), first_epoch=2)
    _assert_same(_take(later, 6), whole[6:])


def test_evaluation_is_one_ordered_pass():
    for split in (HELD, ImageSplit(_Lazy(), LABELS)):
        batches = list(evaluation_batches(split, 10, SCALING))
        np.testing.assert_array_equal(np.concatenate([y for _, y in batches]), LABELS)
        np.testing.assert_array_equal(np.concatenate([x for x, _ in batches]), SCALING(IMAGES))


@pytest.mark.parametrize("split", [HELD, ImageSplit(_Lazy(), LABELS)], ids=["held", "lazy"])
@pytest.mark.parametrize("first", [0, 10, 20, len(LABELS)])
def test_evaluation_may_begin_at_an_image(split, first):
    whole = list(evaluation_batches(split, 10, SCALING))
    later = list(evaluation_batches(split, 10, SCALING, first))
    assert len(later) == len(whole) - -(-first // 10)
    _assert_same(later, whole[-(-first // 10) :])


def test_lazy_images_give_the_same_batches_and_the_thread_ends():
    batches = training_batches(ImageSplit(_Lazy(), LABELS), 10, 1, SCALING, Augmentation())
    assert not _prefetch_threads()
    _assert_same(
        _take(batches, 8), _take(training_batches(HELD, 10, 1, SCALING, Augmentation()), 8)
    )
    assert len(_prefetch_threads()) == 1
    batches.close()
    assert not _prefetch_threads()


def test_errors_of_the_thread_are_raised_here_in_their_turn():
    batches = evaluation_batches(ImageSplit(_Lazy(broken=15), LABELS), 10, SCALING)
    assert next(batches)[1].tolist() == list(range(10))
    with pytest.raises(InputError, match="cannot be decoded"):
        next(batches)
    assert not _prefetch_threads()


def test_python_exits_while_batches_are_open():
    code = (
        "import numpy as np\n"
        "from sfp_keras.data import *\n"
        "class Lazy(LazyImages):\n"
        "    shape = (9, 4, 4, 3)\n"
        "    def read(self, indices): return np.zeros((len(indices), 4, 4, 3), np.uint8)\n"
        "split = ImageSplit(Lazy(), np.zeros(9, np.int64))\n"
        "batches = training_batches(split, 2, 0, parse_scaling('0..1'))\n"
        "next(batches)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_neither_batches_of_nothing_nor_of_no_images():
    with pytest.raises(InputError, match="`batch_size` must be positive, got 0"):
        training_batches(HELD, 0, 0, SCALING)
    empty = ImageSplit(IMAGES[:0], LABELS[:0])
    with pytest.raises(InputError, match="no images to train on"):
        training_batches(empty, 10, 0, SCALING)
    assert list(evaluation_batches(empty, 10, SCALING)) == []
