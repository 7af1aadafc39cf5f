"""Probing: cut a frozen network at its stages, train a head on each, measure the fields."""

from sfp_keras.filters import StageMeasurement
from sfp_keras.probing.accumulator import Accumulator, Accumulators, ProbedStage
from sfp_keras.probing.choosing import default_stages
from sfp_keras.probing.class_means import ClassMeans
from sfp_keras.probing.cutting import cut_stages, with_trained_views
from sfp_keras.probing.decisions import (
    DecidedLabels,
    DecisionsAccumulator,
    measure_decisions,
    spread_filters,
)
from sfp_keras.probing.features import FeatureCache, cache_features
from sfp_keras.probing.fields import FieldsAccumulator, measure_fields
from sfp_keras.probing.further_heads import FurtherHeadsAccumulator
from sfp_keras.probing.head_variants import HeadVariant, check_variants, head_variants
from sfp_keras.probing.heads import Head, check_heads, train_head_variants, train_heads
from sfp_keras.probing.image_pass import measure_stages
from sfp_keras.probing.part_means import PartMeansAccumulator
from sfp_keras.probing.row_reader import RowReader
from sfp_keras.probing.single_heads import measure_single_heads
from sfp_keras.probing.stages import Stage, list_stages, listed, resolve_stages
from sfp_keras.probing.views import StageView, apply_layers
from sfp_keras.settings import HeadSettings

__all__ = [
    "Accumulator",
    "Accumulators",
    "ClassMeans",
    "DecidedLabels",
    "DecisionsAccumulator",
    "FeatureCache",
    "FieldsAccumulator",
    "FurtherHeadsAccumulator",
    "Head",
    "HeadSettings",
    "HeadVariant",
    "PartMeansAccumulator",
    "ProbedStage",
    "RowReader",
    "Stage",
    "StageMeasurement",
    "StageView",
    "apply_layers",
    "cache_features",
    "check_heads",
    "check_variants",
    "cut_stages",
    "default_stages",
    "head_variants",
    "list_stages",
    "listed",
    "measure_decisions",
    "measure_fields",
    "measure_single_heads",
    "measure_stages",
    "resolve_stages",
    "spread_filters",
    "train_head_variants",
    "train_heads",
    "with_trained_views",
]
