"""What a run works on, all of it checked before the first work."""

import dataclasses
from collections.abc import Collection

import keras

from sfp_keras.data import ImageDataset, Scaling
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.models import architectures
from sfp_keras.probing import HeadVariant, Stage, check_variants, cut_stages
from sfp_keras.reports import terminal
from sfp_keras.training import check_groups, vanishing_rate
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.inputs.network import check_input, load_network_and_images, start_weights
from sfp_keras.workflows.inputs.own_heads import check_own_heads
from sfp_keras.workflows.inputs.own_scaling import scaling_note
from sfp_keras.workflows.inputs.precision import note_of_precision
from sfp_keras.workflows.inputs.preprocessing import augmentation_of, image_recipe_of, scaling_of
from sfp_keras.workflows.inputs.stage_settings import (
    StageSettings,
    further_heads,
    head_settings,
    pools_of,
    stage_settings,
    view_of,
)
from sfp_keras.workflows.inputs.stages import configurable_stages, stages_of_mode


@dataclasses.dataclass(frozen=True, eq=False)
class Inputs:
    """The images and the network of an experiment.

    Attributes:
        experiment: `Experiment`.
        dataset: `ImageDataset`.
        scaling: `Scaling` of images before the network gets them.
        network: `keras.Model` in float32: trained, or with the weights its training starts from.
        random_layers: the layers whose weights are random where others come from a file; `None`
            where no file gives initial weights.
    """

    experiment: Experiment
    dataset: ImageDataset
    scaling: Scaling
    network: keras.Model
    random_layers: tuple[str, ...] | None = None


def load_training_inputs(experiment: Experiment) -> Inputs:
    """Load the images and the network, and refuse what cannot be trained.

    Raises:
        InputError: naming the setting and the mend.
    """
    network, dataset = load_network_and_images(experiment)
    scaling = scaling_of(experiment, dataset)
    if experiment.network.model not in architectures():
        check_input(network, dataset, experiment)
        asked = experiment.value("scaling") is not None
        _note(scaling_note(network, scaling, dataset, asked=asked))
    random_layers = None
    if experiment.trains:
        augmentation_of(experiment, dataset)
        image_recipe_of(experiment, dataset)
        random_layers = start_weights(network, experiment.network.initial_weights)
        check_groups(experiment.training, network.trainable_variables, names=experiment.group_names)
        _note(vanishing_rate(experiment.training, "--"))
    _note(note_of_precision(experiment))
    return Inputs(experiment, dataset, scaling, network, random_layers)


def load_inputs(experiment: Experiment) -> Inputs:
    """Load the images and the network, and refuse what cannot be trained or probed.

    Raises:
        InputError: naming the setting and the mend.
    """
    inputs = load_training_inputs(experiment)
    check_inputs(inputs)
    return inputs


def check_inputs(inputs: Inputs) -> None:
    """Refuse what cannot be probed.

    Raises:
        InputError: naming the setting and the mend.
    """
    experiment, network, dataset = inputs.experiment, inputs.network, inputs.dataset
    _check_images(experiment, dataset)
    if experiment.augments_heads:
        augmentation_of(experiment, dataset)
    elif (versions := experiment.heads.versions) is not None:
        raise InputError(
            f"`head_versions`={versions}: only augmented images have versions; give "
            "`head_data`=augmented too"
        )
    check_input(network, dataset, experiment)
    stages = configurable_stages(experiment, network)
    run = ExperimentRun(experiment)
    settings = stage_settings(run, stages)
    head_settings(experiment, settings)
    cut_stages(network, stages, pools_of(settings))
    own: Collection[str] = ()
    if experiment.heads.own:
        begun = bool(run.finished_heads())
        own = check_own_heads(network, stages, settings, dataset.num_labels, begun=begun)
    trained = [stage for stage in stages_of_mode(experiment, network) if stage.name not in own]
    if trained:
        _check_heads(experiment, trained, settings)
        _note(vanishing_rate(experiment.heads.training, "--head_"))
    elif further_heads(experiment):
        _note(
            "--head_seeds and --shuffled_labels without effect: with --own_head no head is trained"
        )


def _note(note: str | None) -> None:
    if note is not None:
        terminal().print(f"note: {note}")


def _check_heads(experiment: Experiment, stages: list[Stage], settings: StageSettings) -> None:
    """Refuse heads that cannot be trained together."""
    first = HeadVariant(experiment.run.seed)
    check_variants(
        [first, *further_heads(experiment)],
        [stage.name for stage in stages if view_of(stage, settings).learnt()],
        experiment.augments_heads and not experiment.heads.kept_versions,
    )


def _check_images(experiment: Experiment, dataset: ImageDataset) -> None:
    if dataset.num_labels < 2:
        only = f"`data_dir`={experiment.data.data_dir} has the one class {dataset.class_names[0]!r}"
        raise InputError(
            f"{'`labels`=1' if experiment.data.labels else only}: signal and noise need at least "
            "two labels"
        )
    for split in experiment.analysis.split:
        if not len(dataset.test if split == "test" else dataset.train):
            raise InputError(f"`split`={split}: the data has no {split} images")
