"""Data: a name or folder becomes images and labels, then batches."""

from sfp_keras.data.batches.augmentation import (
    Augmentation,
    GeometricAugmentation,
    ImageMoves,
    augment,
)
from sfp_keras.data.batches.batches import (
    epoch_order,
    epoch_rows,
    evaluation_batches,
    steps_per_epoch,
    training_batches,
)
from sfp_keras.data.batches.channel_statistics import ChannelStatistics, channel_statistics
from sfp_keras.data.batches.ending import check_that_it_ends, ending
from sfp_keras.data.batches.erasing import Erasing
from sfp_keras.data.batches.labelled import as_labels, is_arrays, labelled_batches
from sfp_keras.data.batches.mixing import Mixing
from sfp_keras.data.batches.rand_augment import RandAugment
from sfp_keras.data.batches.recipe import ImageRecipe, recipe_batches
from sfp_keras.data.batches.resized_crop import ResizedCrop
from sfp_keras.data.batches.scaling import (
    SCALING_FORMS,
    UNSCALED,
    Scaling,
    function_scaling,
    parse_scaling,
)
from sfp_keras.data.dataset import ImageDataset, ImageSplit, LazyImages
from sfp_keras.data.given import given_dataset
from sfp_keras.data.images.resizing import RESIZE_FORMS
from sfp_keras.data.loading import check_dataset, count_labels, load_dataset, source_digest
from sfp_keras.data.seeded_random import random_normal, random_order, random_words
from sfp_keras.data.source import Source
from sfp_keras.data.sources import find_source, source_names
from sfp_keras.data.subsets import label_subset

__all__ = [
    "RESIZE_FORMS",
    "SCALING_FORMS",
    "UNSCALED",
    "Augmentation",
    "ChannelStatistics",
    "Erasing",
    "GeometricAugmentation",
    "ImageDataset",
    "ImageMoves",
    "ImageRecipe",
    "ImageSplit",
    "LazyImages",
    "Mixing",
    "RandAugment",
    "ResizedCrop",
    "Scaling",
    "Source",
    "as_labels",
    "augment",
    "channel_statistics",
    "check_dataset",
    "check_that_it_ends",
    "count_labels",
    "ending",
    "epoch_order",
    "epoch_rows",
    "evaluation_batches",
    "find_source",
    "function_scaling",
    "given_dataset",
    "is_arrays",
    "label_subset",
    "labelled_batches",
    "load_dataset",
    "parse_scaling",
    "random_normal",
    "random_order",
    "random_words",
    "recipe_batches",
    "source_digest",
    "source_names",
    "steps_per_epoch",
    "training_batches",
]
