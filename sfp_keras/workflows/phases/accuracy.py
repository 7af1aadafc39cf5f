"""The network's own accuracy."""

import math
from collections.abc import Sequence

from sfp_keras.distribution import current_devices
from sfp_keras.errors import InputError
from sfp_keras.models.label_outputs import LabelOutputs, label_outputs
from sfp_keras.reports import terminal
from sfp_keras.workflows.inputs.batches import reported_batches
from sfp_keras.workflows.session import ProbeSession

# Of the normal distribution: one value in a hundred is farther above the mean, in deviations.
_ONE_IN_A_HUNDRED = 2.326


def own_accuracy(session: ProbeSession) -> tuple[float | None, LabelOutputs | str]:
    """Measure the network's own accuracy on the test images, once.

    Returns:
        The accuracy with the outputs that it is of; or `None`, and why there is none.
    """
    record = session.run.record
    found = label_outputs(session.network, session.dataset.num_labels)
    accuracy: float | None = record.results.get("network_accuracy")
    if accuracy is None and not isinstance(found, str):
        accuracy = _accuracy(session, found)
    record.add_results(network_accuracy=accuracy)
    return accuracy, found


def print_accuracy(session: ProbeSession) -> None:
    """Measure the network's own accuracy, once, and print it before anything else.

    It exposes wrong scaling or a wrong order of the labels.
    """
    experiment, dataset = session.experiment, session.dataset
    accuracy, found = own_accuracy(session)
    num_labels, console = dataset.num_labels, terminal()
    images = f"{len(dataset.train):,} training and {len(dataset.test):,} test images"
    console.print(f"{dataset.name}: {images}, {num_labels} labels")
    if isinstance(found, str) or accuracy is None:
        console.print(f"network: its {found}, so it has no accuracy of its own here")
        return
    suspects = ("scaling", *experiment.architecture.files.unsaid)
    note = ""
    if near_chance(accuracy, num_labels):
        mend = "train it for longer"
        if not experiment.trains:
            mend = f"check {' and '.join(f'--{name}' for name in suspects)}"
        note = f"  (near chance: {mend})"
    console.print(f"network: test accuracy{found.of_which} {accuracy:.4f}{note}")
    stops = experiment.network.at_chance == "stop" and not experiment.trains
    if stops and is_guessing(accuracy, num_labels, len(dataset.test)):
        _refuse(session, accuracy, suspects)


def near_chance(accuracy: float, num_labels: int) -> bool:
    """Whether an accuracy is hardly above that of guessing among K labels."""
    return accuracy < min(1.5 / num_labels, 0.6)


def is_guessing(accuracy: float, num_labels: int, images: int) -> bool:
    """Whether a network tells no labels apart: its accuracy is near chance, and not above it.

    Args:
        accuracy: `float`. The share of the images for which its outputs choose their label.
        num_labels: `int`. K.
        images: `int`. How many they are.

    Returns:
        `bool`. An accuracy is above chance where one in a hundred sets of guesses, of each label
        with probability 1/K, or fewer are as good (a one-sided binomial test, with the normal
        distribution and a correction for continuity).
    """
    if not near_chance(accuracy, num_labels):
        return False
    mean, share = images / num_labels, 1 / num_labels
    deviation = math.sqrt(images * share * (1 - share))
    return accuracy * images - 0.5 <= mean + _ONE_IN_A_HUNDRED * deviation


def _refuse(session: ProbeSession, accuracy: float, suspects: Sequence[str]) -> None:
    """Stop before heads are trained, unless there are some: whoever made them went on."""
    run = session.run
    if any(run.path.glob("stages/*/head.npz")):
        return
    run.forget_network()
    given = {name: session.experiment.value(name) for name in suspects}
    given["scaling"] = session.experiment.network_scaling
    wrong = [f"`{name}`" + (f"={value}" if value else "") for name, value in given.items()]
    raise InputError(
        f"the network guesses, with a test accuracy of {accuracy:.4f} among "
        f"{session.dataset.num_labels} labels, so no head is trained: mend "
        f"{' or '.join(wrong)} and run again, or probe it as it is with `at_chance`=go_on"
    )


def _accuracy(session: ProbeSession, found: LabelOutputs) -> float:
    """The share of test images for which the network's outputs choose their label."""
    images, correct = session.dataset.test, 0
    batch_size = session.experiment.heads.inference_batch_size
    batches = reported_batches("accuracy", images, batch_size, session.scaling)
    for batch, labels in batches(0):
        outputs = current_devices().predict(session.network, batch)
        correct += int((found.chosen(outputs) == labels).sum())
    return correct / len(images)
