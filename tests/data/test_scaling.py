import sys

import numpy as np
import pytest

from sfp_keras.data import ImageSplit, LazyImages, channel_statistics, parse_scaling
from sfp_keras.errors import InputError

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 5, 4, 3), dtype=np.uint8)
MEAN = np.array([0.485, 0.456, 0.406])
STD = np.array([0.229, 0.224, 0.225])
SPLIT = ImageSplit(IMAGES, np.zeros(20, np.int64))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0..255", lambda x: x),
        ("0..1", lambda x: x / 255),
        ("-1..1", lambda x: x / 127.5 - 1),
        ("0.5/0.25", lambda x: (x / 255 - 0.5) / 0.25),
        (
            "0.485,0.456,0.406/0.229,0.224,0.225",
            lambda x: (x / 255 - MEAN) / STD,
        ),
    ],
)
def test_formulas(text, wanted):
    scaling = parse_scaling(text)
    scaled = scaling(IMAGES)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, wanted(IMAGES.astype(np.float64)), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(scaling.mid_grey, np.broadcast_to(wanted(127.5), 3), atol=1e-6)
    np.testing.assert_array_equal(scaling(IMAGES[3:4])[0], scaled[3])


def test_mid_grey_and_both_ends_are_exact():
    scaling = parse_scaling("-1..1")
    assert scaling.mid_grey.tolist() == [0, 0, 0]
    ends = scaling(np.array([0, 255, 0], np.uint8).reshape(1, 1, 1, 3))
    assert ends.ravel().tolist() == [-1, 1, -1]


def test_dataset_statistics_are_exact():
    statistics = channel_statistics(SPLIT)
    pixels = IMAGES.reshape(-1, 3).astype(np.float64) / 255
    np.testing.assert_allclose(statistics.mean, pixels.mean(0), rtol=1e-14)
    np.testing.assert_allclose(statistics.std, pixels.std(0), rtol=1e-13)
    scaled = parse_scaling("dataset", SPLIT)(IMAGES).reshape(-1, 3)
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(0), 1, atol=1e-6)


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "own_scaling.py").write_text(
        "def halved(x):\n    x /= 2\n    return x\n"
        "def smaller(x):\n    return x[:, :1]\n"
        "def failing(x):\n    raise RuntimeError('bad\\nluck')\n"
        "number = 3\n"
    )
    (tmp_path / "slipped.py").write_text("def f(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("own_scaling", None)


@pytest.mark.usefixtures("own_module")
def test_a_function_gets_a_copy_of_0_to_255():
    images = IMAGES.astype(np.float32)
    scaled = parse_scaling("own_scaling:halved")(images)
    np.testing.assert_array_equal(scaled, images / 2)
    np.testing.assert_array_equal(images, IMAGES)


def test_a_keras_preprocess_function():
    scaling = parse_scaling("keras.applications.mobilenet_v2:preprocess_input")
    np.testing.assert_allclose(scaling(IMAGES), parse_scaling("-1..1")(IMAGES), atol=1e-6)
    np.testing.assert_array_equal(scaling.mid_grey, [0, 0, 0])


@pytest.mark.usefixtures("own_module")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not one of: 0..255 or none"),
        ("0..2", "is not one of"),
        ("0.5", "is not one of"),
        ("0.5,0.5/0.2,0.2,0.2", "has numbers for 2 and 3 channels"),
        ("nan/1", "is not one of"),
        ("0.5/0", "deviations are positive"),
        ("123.7,116.8,103.9/1", "divide those of 0..255 by 255"),
        ("1/255", "only divided by 255 are `scaling`=0..1"),
        ("0.5/58.4,57.1,57.4", "divide those of 0..255 by 255"),
        ("dataset", "needs training images"),
        ("no_such_module:f", "'no_such_module' is not found.*PYTHONPATH"),
        ("own_scaling:nothing", "own_scaling has no 'nothing'"),
        (":f", "raised ValueError"),
        ("./own_scaling.py:halved", "raised TypeError"),
        ("slipped:f", "importing slipped raised SyntaxError"),
        ("own_scaling:number", "is not a function"),
        ("own_scaling:smaller", "must keep the shape"),
        ("own_scaling:failing", "fails on images of 0..255: bad$"),
    ],
)
def test_bad_text_is_explained_in_one_line(text, message):
    with pytest.raises(InputError, match=r"^`scaling`=.*" + message) as caught:
        parse_scaling(text)
    assert "\n" not in str(caught.value)


def test_a_constant_channel_has_no_statistics():
    grey = ImageSplit(np.full((2, 3, 3, 3), 9, np.uint8), np.zeros(2, np.int64))
    with pytest.raises(InputError, match="`scaling`=dataset"):
        parse_scaling("dataset", grey)


def test_statistics_of_a_split_are_counted_once():
    reads = []

    class Counted(LazyImages):
        shape = IMAGES.shape

        def read(self, indices):
            reads.append(len(indices))
            return IMAGES[indices]

    split = ImageSplit(Counted(), np.zeros(len(IMAGES), np.int64))
    assert channel_statistics(split) is channel_statistics(split)
    assert sum(reads) == len(IMAGES)
