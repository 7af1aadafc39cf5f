"""What each member of a committee makes of the test images."""

import dataclasses
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from sfp_keras.data import ImageDataset
from sfp_keras.distribution import current_devices
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.files import file_digest
from sfp_keras.models import architectures
from sfp_keras.models.label_outputs import label_outputs, label_probabilities
from sfp_keras.reports import terminal
from sfp_keras.runs import same_images
from sfp_keras.workflows.committee.directory import CommitteeDirectory
from sfp_keras.workflows.committee.members import Member
from sfp_keras.workflows.inputs.arguments import about_setting
from sfp_keras.workflows.inputs.batches import reported_batches
from sfp_keras.workflows.inputs.images import fingerprint, load_images
from sfp_keras.workflows.inputs.network import size_and_channels
from sfp_keras.workflows.inputs.preprocessing import scaling_of
from sfp_keras.workflows.phases.kept_network import load_kept

# Settings of this machine: they replace those of members where they are given.
_OF_MACHINE = ("data_dir", "memory_gib", "inference_batch_size")


@dataclasses.dataclass(frozen=True, eq=False)
class _Loaded:
    """A member with what it needs to vote.

    Attributes:
        member: `Member`.
        experiment: its `Experiment`, on this machine.
        dataset: `ImageDataset`, as its network takes it.
        network: `keras.Model`.
    """

    member: Member
    experiment: Experiment
    dataset: ImageDataset
    network: keras.Model


def all_probabilities(
    members: Sequence[Member], folder: CommitteeDirectory, machine: Experiment
) -> tuple[list[np.ndarray], np.ndarray]:
    """Pass the test images through each member's network, where that was not done before.

    Args:
        members: those of `find_members`.
        folder: `CommitteeDirectory`, where the probabilities are kept.
        machine: `Experiment` of the committee, whose `data_dir`, `memory_gib` and
            `inference_batch_size` replace those of members where they are given.

    Returns:
        For each member its probabilities, float32 (n, K); and the true labels, int64 (n,).

    Raises:
        InputError: if a network or its images are not there any more, or images differ.
    """
    found: list[np.ndarray] = []
    labels = np.empty(0, np.int64)
    digests: dict[tuple[int, ...], str] = {}  # Of the first member's images, by their shape.
    experiments: list[Experiment] = []
    for one in _loaded(members, folder, machine):
        experiments.append(one.experiment)
        shape, digest = one.dataset.image_shape, fingerprint(one.dataset, ["test"])
        if not found:
            labels, digests[shape] = one.dataset.test.labels, digest
        elif shape not in digests:
            digests[shape] = _digest_like(one, experiments[0], folder)
        if not same_images(digests[shape], digest):
            raise InputError(
                f"`members`: {members[0].files.path} and {one.member.files.path} have other test "
                "images; the members of a committee are tested on the same ones"
            )
        made_of = f"{file_digest(one.member.files.model)} {digest}"
        kept = folder.read_probabilities(one.member.name, made_of)
        if kept is None:
            with about_setting("members"):
                kept = _probabilities(one)
            folder.keep_probabilities(one.member.name, made_of, kept)
        found.append(kept)
    return found, labels


def _loaded(
    members: Sequence[Member], folder: CommitteeDirectory, machine: Experiment
) -> Iterator[_Loaded]:
    """Load one member after another; images that several have are read once."""
    usual, before = Experiment(), None
    dataset: ImageDataset | None = None
    given = {name: machine.value(name) for name in _OF_MACHINE}
    given = {name: value for name, value in given.items() if value != usual.value(name)}
    for member in members:
        experiment = member.experiment.changed(**given)
        with about_setting("members"):
            network = load_kept(member.files, f"delete it and run {member.again}")
            known = experiment.network.model in architectures()
            of_known = None, experiment.architecture.channels
            size, channels = of_known if known else size_and_channels(network.input_shape)
            asked = (experiment.data, size, channels)
            if dataset is None or asked != before:
                dataset = None  # Two sets of images at once may be too much.
                dataset = load_images(experiment, size, channels, folder.images)
            if not len(dataset.test):
                raise InputError(f"the data of {member.files.path} has no test images")
            _check_images(member, dataset, "data_dir" in given)
        before = asked
        yield _Loaded(member, experiment, dataset, network)


def _check_images(member: Member, dataset: ImageDataset, asked: bool) -> None:
    """Refuse images that are not those of the member's run, unless they were asked for."""
    before = member.saved.get("data")
    if before is None or same_images(str(before), fingerprint(dataset)):
        return
    where = f"{member.files.path} was made with other images, or other names of labels"
    if not asked:
        raise InputError(
            f"{where}, than are found now: they have changed, or a call in Python was given its "
            "test images or names beside; say by `data_dir` which images to test on"
        )
    terminal().print(f"note: {where}")


def _digest_like(one: _Loaded, first: Experiment, folder: CommitteeDirectory) -> str:
    """The digest that the first member's images have as another member's network takes them."""
    height, width, channels = one.dataset.image_shape
    size = (str(height), str(width))
    alike = first.changed(image_size=size, resize=one.experiment.data.resize)
    with about_setting("members"):
        return fingerprint(load_images(alike, None, channels, folder.images), ["test"])


def _probabilities(one: _Loaded) -> np.ndarray:
    experiment, dataset, name = one.experiment, one.dataset, one.member.name
    found = label_outputs(one.network, dataset.num_labels)
    if isinstance(found, str):
        raise InputError(f"{one.member.files.path} has no vote: its network's {found}")
    terminal().print(f"{name}: {experiment.network.model} on {len(dataset.test):,} images")
    convert = label_probabilities(one.network, found)
    size, scaling = experiment.heads.inference_batch_size, scaling_of(experiment, dataset)
    batches = reported_batches(name, dataset.test, size, scaling)
    parts = [convert(current_devices().predict(one.network, batch)) for batch, _ in batches(0)]
    return np.concatenate(parts)
