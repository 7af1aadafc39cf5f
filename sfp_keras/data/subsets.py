"""Nested random subsets of the labels (paper 2, Tables 4 and 6: CIFAR-K/100 and CIFAR-K/10)."""

from dataclasses import replace

import numpy as np

from sfp_keras.data.dataset import ImageDataset, ImageSplit
from sfp_keras.data.seeded_random import random_order
from sfp_keras.errors import InputError


def label_subset(dataset: ImageDataset, labels: int, seed: int = 0) -> ImageDataset:
    """Keep the images of `labels` random labels.

    For one seed the subsets are nested: the labels of a smaller one are among those of a larger
    one. Where the data set has superclasses they are drawn evenly: of CIFAR-100's 20, K = 20,
    40, 60 takes exactly 1, 2, 3 labels of each, K = 10 takes ten different ones. The chosen
    labels are numbered 0..K-1 in ascending order of the original ones, so a label's number
    differs between nested subsets; `original_labels` has the original ones.

    Args:
        dataset: `ImageDataset`.
        labels: `int`, K, from 1 to the number of labels.
        seed: `int`. Default 0.

    Returns:
        An `ImageDataset` of K labels; `dataset` itself where K is all of them.

    Raises:
        InputError: if K is less than 1 or more than the labels there are.
    """
    if not 1 <= labels <= dataset.num_labels:
        raise InputError(
            f"`labels`={labels} must be from 1 to {dataset.num_labels}, the number of labels of "
            f"{dataset.name}"
        )
    if labels == dataset.num_labels:
        return dataset
    chosen = np.sort(_label_order(dataset, seed)[:labels])
    new_label = np.full(dataset.num_labels, -1, np.int64)
    new_label[chosen] = np.arange(labels)

    def subset(split: ImageSplit) -> ImageSplit:
        renamed = new_label[split.labels]
        kept = np.flatnonzero(renamed >= 0)
        return split.select(kept, renamed[kept])

    return replace(
        dataset,
        train=subset(dataset.train),
        test=subset(dataset.test),
        class_names=tuple(dataset.class_names[i] for i in chosen),
        original_labels=tuple(dataset.original_labels[i] for i in chosen),
        superclasses=None if dataset.superclasses is None else dataset.superclasses[chosen],
    )


def _label_order(dataset: ImageDataset, seed: int) -> np.ndarray:
    """Return all labels in the order in which growing subsets take them."""
    order = random_order(dataset.num_labels, "labels", seed)
    if dataset.superclasses is None:
        return order
    # Round r takes the r-th label of every superclass, in an order drawn for each round.
    groups = [order[dataset.superclasses[order] == s] for s in np.unique(dataset.superclasses)]
    taken: list[int] = []
    for r in range(max(map(len, groups))):
        round_order = random_order(len(groups), "superclasses", seed, r)
        taken.extend(groups[s][r] for s in round_order if r < len(groups[s]))
    return np.array(taken)
