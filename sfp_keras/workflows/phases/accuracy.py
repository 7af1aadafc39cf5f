"""The network's own accuracy."""

from sfp_keras.distribution import current_devices
from sfp_keras.models.label_outputs import LabelOutputs, label_outputs
from sfp_keras.reports import terminal
from sfp_keras.workflows.inputs.batches import reported_batches
from sfp_keras.workflows.session import ProbeSession


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
    note = ""
    if not experiment.trains and near_chance(accuracy, num_labels):
        suspects = " and ".join(
            f"--{name}" for name in ("scaling", *experiment.architecture.files.unsaid)
        )
        note = f"  (near chance: check {suspects})"
    of_which = f" of its output {found.name!r}" if found.num_outputs > 1 else ""
    console.print(f"network: test accuracy{of_which} {accuracy:.4f}{note}")


def near_chance(accuracy: float, num_labels: int) -> bool:
    """Whether guessing among K labels might have given an accuracy."""
    return accuracy < min(1.5 / num_labels, 0.6)


def _accuracy(session: ProbeSession, found: LabelOutputs) -> float:
    """The share of test images for which the network's outputs choose their label."""
    images, correct = session.dataset.test, 0
    batch_size = session.experiment.heads.inference_batch_size
    batches = reported_batches("accuracy", images, batch_size, session.scaling)
    for batch, labels in batches(0):
        outputs = current_devices().predict(session.network, batch)
        correct += int((found.chosen(outputs) == labels).sum())
    return correct / len(images)
