"""What every source of images keeps to. Its own test file writes a sample of it."""

import importlib
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sfp_keras.data import count_labels, find_source, load_dataset, source_digest, source_names
from sfp_keras.data.images.channels import to_channels
from sfp_keras.errors import InputError

pytestmark = [
    # These come from inside tensorflow-datasets and what it imports.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ImportWarning"),
]
NAMES = [*source_names(), "any other"]


@pytest.fixture(scope="module", params=NAMES)
def sample(request, tmp_path_factory):
    source = find_source(request.param)
    file = source.load.__module__.rpartition(".")[2]
    write = importlib.import_module(f"test_{file}").write_sample

    def written(seed):
        folder = tmp_path_factory.mktemp(file)
        name = write(folder, request.param, seed)
        return name, None if "data_dir" in source.unused else folder

    name, data_dir = written(0)
    return SimpleNamespace(source=source, name=name, data_dir=data_dir, written=written)


def _pixels(split):
    return split.read(np.arange(len(split)))


def test_it_loads_and_counts_the_same_labels(sample):
    data = load_dataset(sample.name, sample.data_dir)
    assert data.name == sample.name
    assert min(len(data.train), len(data.test)) > 0
    assert data.image_shape[2] in (1, 3)
    assert data.num_labels == count_labels(sample.name, sample.data_dir)
    assert data.original_labels == tuple(range(data.num_labels))
    for split in (data.train, data.test):
        assert _pixels(split).shape == (len(split), *data.image_shape)
        assert _pixels(split).dtype == data.dtype
    again = load_dataset(sample.name, sample.data_dir)
    np.testing.assert_array_equal(_pixels(again.train), _pixels(data.train))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("resize", ["stretch", "crop"])
def test_size_and_channels_are_those_asked_for(sample, tmp_path, channels, resize):
    how = {"image_size": (7, 4), "channels": channels, "resize": resize, "cache_dir": tmp_path}
    held, read = (
        load_dataset(sample.name, sample.data_dir, memory_budget=budget, **how)
        for budget in (2 << 30, 1)
    )
    assert held.image_shape == read.image_shape == (7, 4, channels)
    assert held.train.in_memory
    assert not read.train.in_memory
    np.testing.assert_array_equal(_pixels(held.test), _pixels(read.test))


def test_grey_is_the_luminance(sample):
    own, grey = (load_dataset(sample.name, sample.data_dir, channels=c) for c in (None, 1))
    np.testing.assert_array_equal(to_channels(_pixels(own.test), 1), _pixels(grey.test))


def test_class_names_order_the_labels(sample):
    data = load_dataset(sample.name, sample.data_dir)
    names = (*data.class_names[::-1], "none of them")
    ordered = load_dataset(sample.name, sample.data_dir, class_names=names)
    assert ordered.class_names == names
    np.testing.assert_array_equal(ordered.train.labels, data.num_labels - 1 - data.train.labels)


def test_other_data_is_told_apart_wherever_it_lies(sample, tmp_path):
    digest = source_digest(sample.name, sample.data_dir)
    if sample.data_dir is None:
        assert digest is None
        return
    moved = shutil.copytree(sample.data_dir, tmp_path / "moved")
    assert source_digest(sample.name, moved) == digest
    name, other = sample.written(1)
    # Without a digest it is the name that says what the images are.
    assert (source_digest(name, other) == digest) == (digest is None)
    assert (digest is None) <= (sample.source.needs is None)


def test_a_place_without_data_is_one_clear_line(sample, tmp_path):
    if sample.data_dir is None:
        return
    places: list[Path | None] = [tmp_path / "nowhere"]
    if sample.source.needs is not None:
        places.append(None)
    for function in (load_dataset, count_labels):
        for place in places:
            if function is count_labels and sample.name.startswith("cifar"):
                continue
            with pytest.raises(InputError, match="`data_dir`") as caught:
                function(sample.name, place)
            assert "\n" not in str(caught.value)
    assert source_digest(sample.name, tmp_path / "nowhere") is None
