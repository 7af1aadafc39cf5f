"""Data: a name or folder becomes images and labels, then batches."""

from sfp_keras.data.augmentation import Augmentation, AugmentationDraws, augment
from sfp_keras.data.batches import (
    epoch_order,
    epoch_rows,
    evaluation_batches,
    steps_per_epoch,
    training_batches,
)
from sfp_keras.data.channel_statistics import ChannelStatistics, channel_statistics
from sfp_keras.data.dataset import ImageDataset, ImageSplit, LazyImages
from sfp_keras.data.draws import random_words
from sfp_keras.data.label_count import count_labels
from sfp_keras.data.loading import load_dataset
from sfp_keras.data.resizing import RESIZE_FORMS
from sfp_keras.data.scaling import SCALING_FORMS, UNSCALED, Scaling, parse_scaling
from sfp_keras.data.source_digest import source_digest
from sfp_keras.data.subsets import label_subset

__all__ = [
    "RESIZE_FORMS",
    "SCALING_FORMS",
    "UNSCALED",
    "Augmentation",
    "AugmentationDraws",
    "ChannelStatistics",
    "ImageDataset",
    "ImageSplit",
    "LazyImages",
    "Scaling",
    "augment",
    "channel_statistics",
    "count_labels",
    "epoch_order",
    "epoch_rows",
    "evaluation_batches",
    "label_subset",
    "load_dataset",
    "parse_scaling",
    "random_words",
    "source_digest",
    "steps_per_epoch",
    "training_batches",
]
