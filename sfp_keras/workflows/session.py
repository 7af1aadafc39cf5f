"""One run of the procedure: its inputs, and the run directory that holds its results."""

import contextlib
import dataclasses
import functools
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Self

import keras
import numpy as np

from sfp_keras.analyses import image_passes
from sfp_keras.data import ImageDataset, ImageSplit, Scaling
from sfp_keras.distribution import current_devices
from sfp_keras.errors import InputError, arguments_called
from sfp_keras.experiment import Experiment
from sfp_keras.files import damaged
from sfp_keras.monitoring.linear_head import LinearHead
from sfp_keras.probing import (
    FeatureCache,
    Head,
    HeadVariant,
    Stage,
    StageMeasurement,
    StageView,
    cache_features,
    cut_stages,
    list_stages,
    with_trained_views,
)
from sfp_keras.probing.features import head_inputs
from sfp_keras.runs import stage_results
from sfp_keras.runs.further_heads import read_further_correct, read_further_heads
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.inputs.augmented_images import AugmentedImages
from sfp_keras.workflows.inputs.batches import Batches, reported_batches
from sfp_keras.workflows.inputs.images import fingerprint
from sfp_keras.workflows.inputs.inputs import Inputs
from sfp_keras.workflows.inputs.memory import check_features
from sfp_keras.workflows.inputs.own_heads import own_heads
from sfp_keras.workflows.inputs.stage_settings import (
    StageSettings,
    further_heads,
    pools_of,
    stage_settings,
    view_of,
)
from sfp_keras.workflows.inputs.stages import configurable_stages, stages_of_mode


class ProbeSession:
    """What the phases of the procedure share; each phase is a function of it.

    Args:
        inputs: `Inputs`.
        run: `ExperimentRun`, held by this process.

    Attributes:
        inputs: `Inputs`; phase 1 puts the trained network into them.
        run: `ExperimentRun`.
        image_passes: dict from name to `ImagePass` of the analyses that the settings ask for.

    Example:
        >>> with ProbeSession.open(load_inputs(experiment)) as session:
        ...     train_network(session)
        ...     train_heads(session)
        ...     measure_filters(session)
    """

    def __init__(self, inputs: Inputs, run: ExperimentRun):
        self.inputs = inputs
        self.run = run
        # Before phase 1: an analysis that is declared wrongly costs no training.
        experiment = inputs.experiment
        self.image_passes = {
            name: needs
            for name, needs in image_passes().items()
            if getattr(experiment.analysis, name) and experiment.reads(name)
        }

    @classmethod
    @contextlib.contextmanager
    def open(cls, inputs: Inputs) -> Iterator[Self]:
        """Hold the run directory, with the results that are to be made again deleted.

        Raises:
            InputError: if it holds results of another experiment or of other images, another
                process has it, or another process of this run could not begin.
        """
        images = fingerprint(inputs.dataset)
        with ExperimentRun(inputs.experiment).opened(images) as run:
            # Where a run has several processes, none goes on before all have come this far.
            if not current_devices().all_agree(images):
                raise InputError(
                    "another process could not begin, as its own message says, or `data_dir` has "
                    "other images there"
                )
            run.discard()
            if current_devices().processes > 1:
                # Of a pass that was stopped process 0 alone has the rows, and all go in step.
                run.delete_all_features()
            stage_results.write_label_names(
                run, inputs.dataset.class_names, inputs.dataset.original_labels
            )
            with warnings.catch_warnings():
                # Whoever loaded the images named these labels, and said what to do.
                warnings.filterwarnings("ignore", r"\d+ of \d+ labels have no inputs")
                yield cls(inputs, run)

    @property
    def experiment(self) -> Experiment:
        """The settings."""
        return self.inputs.experiment

    @property
    def dataset(self) -> ImageDataset:
        """The labelled images."""
        return self.inputs.dataset

    @property
    def scaling(self) -> Scaling:
        """How images are scaled before the network gets them."""
        return self.inputs.scaling

    @property
    def network(self) -> keras.Model:
        """The network, trained after phase 1: in float32, the user's own as it was built."""
        return self.inputs.network

    def use_network(self, network: keras.Model) -> None:
        """Go on with a trained network; stages are asked for after this."""
        self.inputs = dataclasses.replace(self.inputs, network=network)

    @functools.cached_property
    def stages(self) -> list[Stage]:
        """The stages that the experiment's mode works on."""
        return stages_of_mode(self.experiment, self.network)

    @functools.cached_property
    def stage_settings(self) -> StageSettings:
        """Pooling and group of the head of each stage."""
        of_all = stage_settings(self.run, configurable_stages(self.experiment, self.network))
        return {stage.name: of_all[stage.name] for stage in self.stages}

    @functools.cached_property
    def own_heads(self) -> dict[str, LinearHead]:
        """The network's own layers behind the stages whose heads they are, by the stages' names."""
        if not self.experiment.heads.own:
            return {}
        return own_heads(self.network, self.stages, self.stage_settings)

    @functools.cached_property
    def further_heads(self) -> list[HeadVariant]:
        """The heads of each stage that are trained beside its own, where that is trained."""
        return further_heads(self.experiment)

    @property
    def trained_stages(self) -> list[Stage]:
        """The stages whose heads are trained."""
        return [stage for stage in self.stages if stage.name not in self.own_heads]

    @property
    def splits(self) -> Sequence[str]:
        """The splits whose fields are measured."""
        afcc = self.experiment.run.mode == "afcc"
        return self.experiment.afcc.split if afcc else self.experiment.analysis.split

    @functools.cached_property
    def depths(self) -> dict[str, int]:
        """The place of every layer in the network, by its path."""
        return {stage.path: place for place, stage in enumerate(list_stages(self.network))}

    def images(self, split: str) -> ImageSplit:
        """The images of a split."""
        return self.dataset.test if split == "test" else self.dataset.train

    def batches(self, phase: str, split: str) -> Batches:
        """A function of the first image giving one pass from there on, reported as it goes."""
        batch_size = self.experiment.heads.inference_batch_size
        return reported_batches(phase, self.images(split), batch_size, self.scaling)

    def cut(self, stages: list[Stage]) -> keras.Model:
        """The network cut at some stages, each seen as its settings say."""
        settings = {stage.name: self.stage_settings[stage.name] for stage in stages}
        return cut_stages(self.network, stages, pools_of(settings))

    def cache_outputs(
        self,
        phase: str,
        model: keras.Model,
        names: Sequence[str],
        depends_on: Any,
        *,
        versions: int = 1,
        augmented: AugmentedImages | None = None,
        dtype: str | None = None,
    ) -> FeatureCache:
        """Pass the images once through a frozen model and keep its outputs.

        Args:
            phase: `str`. Whose outputs they are; they lie in its folder where memory is short.
            model: `keras.Model`.
            names: of its outputs.
            depends_on: what the outputs depend on beside the network, JSON types.
            versions: `int`. How often each training image passes, or 0; test images pass once.
                Defaults to `1`.
            augmented: augmented training images. Default: the images as they are.
            dtype: `str`. Default: the experiment's `cache_dtype`.
        """
        heads, count = self.experiment.heads, len(self.dataset.train)
        batches, test = self.batches("features", "train"), self.batches("test features", "test")
        kept = head_inputs(model, names)
        rows = versions * count + len(self.dataset.test)
        check_features(kept, rows, dtype or heads.cache_dtype, heads.cache_gib)
        if augmented is not None and versions:
            model, test = augmented.cut, augmented.still(test)
            batches = augmented.versions("features", versions)
        with arguments_called(budget="cache_gib", versions="head_versions"):
            return cache_features(
                model,
                names,
                batches if versions else [],
                test,
                train_count=versions * count,
                test_count=len(self.dataset.test),
                versions=max(1, versions),
                dtype=dtype or heads.cache_dtype,
                budget=int(heads.cache_gib * 2**30),
                folder=self.run.features(phase),
                description=self.run.plan.digest(phase, depends_on),
            )

    def view(self, stage: Stage) -> StageView:
        """What the head of a stage reads."""
        return view_of(stage, self.stage_settings)

    @property
    def kinds(self) -> dict[str, str]:
        """What the filters of each stage are, by its name: `filter`, `node`, `head`, `branch`."""
        return {stage.name: self.view(stage).kind for stage in self.stages}

    def attention_heads(self, stage: Stage) -> int | None:
        """The number of attention heads whose nodes a head sees; `None` where it sees others."""
        return stage.heads if self.view(stage).kind == "node" else None

    def pooled(self, stages: list[Stage]) -> keras.Model:
        """`cut` with what was trained in front of the heads: it puts out what they read."""
        heads = [self.head(stage.name) for stage in stages]
        return with_trained_views(self.cut(stages), [head.pooling for head in heads])

    def head(self, stage: str) -> Head:
        """A stage's finished head, without its curve."""
        head = stage_results.read_head(self.run, stage)
        if head.kernel.shape[2] != self.dataset.num_labels:
            raise damaged(self.run.stage(stage).head, f"it is of {head.kernel.shape[2]} labels")
        return head

    def further_kernels(self, stage: str, split: str, anew: bool = False) -> dict[str, np.ndarray]:
        """Kernels of the stage's further heads that were not tested on a split yet, by name."""
        wanted = [variant.name for variant in self.further_heads]
        if not wanted or stage in self.own_heads:
            return {}
        counts = np.bincount(self.images(split).labels, minlength=self.dataset.num_labels)
        done = read_further_correct(self.run, stage, split, counts)
        kernels = read_further_heads(self.run, stage, self.head(stage).kernel.shape)
        return {name: kernels[name] for name in wanted if anew or name not in done}

    def measurement(self, stage: str, split: str) -> StageMeasurement:
        """The fields of a stage, measured on a split."""
        found = stage_results.read_measurement(self.run, stage, split)
        counts = np.bincount(self.images(split).labels, minlength=self.dataset.num_labels)
        if not np.array_equal(found.fields.label_counts, counts):
            path = self.run.stage(stage).split(split).fields
            raise damaged(path, "label_counts are not those of the images")
        return found
