"""Augmented images for the heads of EfficientNet-B0."""

import itertools

import keras
import numpy as np
import pytest

from sfp_keras.data import UNSCALED, ImageDataset, ImageSplit, epoch_order
from sfp_keras.experiment import Experiment
from sfp_keras.probing import cut_stages
from sfp_keras.workflows.inputs.augmented_images import augmented_images
from sfp_keras.workflows.inputs.building import build_network
from sfp_keras.workflows.inputs.inputs import Inputs

COUNT = 10


@pytest.fixture(scope="module")
def dataset() -> ImageDataset:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)
    split = ImageSplit(images, np.arange(COUNT) % 2)
    return ImageDataset("made", split, split, ("a", "b"), (0, 1))


def experiment(**flags: object) -> Experiment:
    still = {"rotation": 0.0, "shear": 0.0, "shift": 0, "flip": False}
    return Experiment.of(
        model="efficientnetb0",
        weights="some.weights.h5",
        blocks=("3:1", "4:1", "5:1", "6:1", "7:1"),
        enlarge=40,
        head_data="augmented",
        head_batch_size=4,
        **{**still, **flags},
    )


@pytest.fixture(scope="module")
def network(dataset: ImageDataset) -> keras.Model:
    return build_network(experiment(), dataset, "float32")


def epochs(dataset: ImageDataset, network: keras.Model, first: int, count: int, **flags: object):
    """Images of whole epochs as they come to the cut network, and the network."""
    cut = cut_stages(network, ["stage1", "stage4"])
    augmented = augmented_images(Inputs(experiment(**flags), dataset, UNSCALED, network), cut)
    taken = list(itertools.islice(augmented.batches(first), 3 * count))
    images = np.concatenate([keras.ops.convert_to_numpy(x) for x, _ in taken])
    return images, np.concatenate([y for _, y in taken]), augmented.cut, cut


def test_without_augmentation_outputs_are_the_networks(
    dataset: ImageDataset, network: keras.Model
) -> None:
    images, labels, body, cut = epochs(dataset, network, 0, 1)
    order = epoch_order(0, 0, COUNT)
    np.testing.assert_array_equal(labels, dataset.train.labels[order])
    assert body.output_names == cut.output_names == ["stage1", "stage4"]
    found = body.predict_on_batch(images)
    expected = cut.predict_on_batch(dataset.train.read(order))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_an_epoch_is_a_function_of_its_number(dataset: ImageDataset, network: keras.Model) -> None:
    flags = {"rotation": 5.0, "shear": 5.0, "shift": 4, "flip": True}
    both, *_ = epochs(dataset, network, 0, 2, **flags)
    second, *_ = epochs(dataset, network, 1, 1, **flags)
    np.testing.assert_array_equal(both[COUNT:], second)
    assert not np.array_equal(both[:COUNT], second)
    other, *_ = epochs(dataset, network, 1, 1, **flags, seed=3)
    assert not np.array_equal(other, second)


@pytest.mark.parametrize("model", ["vgg6", "efficientnetb0"])
def test_kept_versions_are_the_images_of_the_first_epochs(
    model: str, dataset: ImageDataset, network: keras.Model
) -> None:
    flags = {"shift": 2, "flip": True, "inference_batch_size": 3}
    asked = experiment(**flags)
    if model == "vgg6":
        asked = Experiment.of(model=model, head_data="augmented", head_batch_size=4, **flags)
    made = build_network(asked, dataset, "float32") if model == "vgg6" else network
    cut = cut_stages(made, ["layer1" if model == "vgg6" else "stage1"])
    augmented = augmented_images(Inputs(asked, dataset, UNSCALED, made), cut)
    orders = np.concatenate([COUNT * epoch + epoch_order(0, epoch, COUNT) for epoch in range(2)])

    def joined(batches):
        pairs = [(keras.ops.convert_to_numpy(x), y) for x, y in batches]
        return (np.concatenate(parts) for parts in zip(*pairs, strict=True))

    images, labels = joined(augmented.versions("test", 2)(0))
    np.testing.assert_array_equal(labels, np.tile(dataset.train.labels, 2))
    shuffled, shuffled_labels = joined(itertools.islice(augmented.batches(0), 2 * augmented.steps))
    np.testing.assert_array_equal(images[orders], shuffled)
    np.testing.assert_array_equal(labels[orders], shuffled_labels)
    assert not np.array_equal(images[:COUNT], images[COUNT:])
    for first in (8, COUNT, COUNT + 4):
        later, _ = joined(augmented.versions("test", 2)(first))
        np.testing.assert_array_equal(later, images[first:])

    plain = lambda first: iter([(dataset.test.read(np.arange(first, 4)), np.arange(first, 4))])  # noqa: E731
    still, _ = joined(augmented.still(plain)(1))
    for ours, theirs in zip(
        keras.tree.flatten(augmented.cut.predict_on_batch(still)),
        keras.tree.flatten(cut.predict_on_batch(dataset.test.read(np.arange(1, 4)))),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_shifts_are_whole_pixels_after_enlarging(
    dataset: ImageDataset, network: keras.Model
) -> None:
    still, *_ = epochs(dataset, network, 0, 1)
    moved, *_ = epochs(dataset, network, 0, 1, shift=3)
    shifts = set()
    for image, result in zip(still, moved, strict=True):
        fits = [
            (down, right)
            for down in range(-3, 4)
            for right in range(-3, 4)
            if np.array_equal(
                image[3 - down : 37 - down, 3 - right : 37 - right], result[3:37, 3:37]
            )
        ]
        assert len(fits) == 1
        shifts.update(fits)
    assert len(shifts) > 3


def test_links_of_a_network_that_came_trained_are_trained_on_moved_images(
    dataset: ImageDataset,
) -> None:
    images = dataset.train.read(np.arange(4))
    for batch_norm, moves in (("updating", True), ("frozen", False)):
        links = {"mode": "afcc", "afcc_links": ("output",), "afcc_links_batch_norm": batch_norm}
        network = build_network(experiment(shift=4, **links), dataset, "float32")
        start = next(layer for layer in network.layers if layer.name.startswith("stage1"))
        front = keras.Model(network.inputs[0], start.input)
        still, moved = (front(images, training=training) for training in (False, True))
        assert bool((keras.ops.convert_to_numpy(moved != still)).any()) == moves
