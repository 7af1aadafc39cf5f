"""The network's own accuracy."""

from sfp_keras.data import evaluation_batches
from sfp_keras.distribution import current_devices
from sfp_keras.reports import terminal
from sfp_keras.workflows.session import ProbeSession


def print_accuracy(session: ProbeSession) -> None:
    """Measure the network's own accuracy, once, and print it before anything else.

    It exposes wrong scaling or a wrong order of the labels.
    """
    experiment, dataset, record = session.experiment, session.dataset, session.run.record
    saved, num_labels = record.results, dataset.num_labels
    accuracy = saved["network_accuracy"] if "network_accuracy" in saved else _accuracy(session)
    record.add_results(network_accuracy=accuracy)
    console = terminal()
    images = f"{len(dataset.train):,} training and {len(dataset.test):,} test images"
    console.print(f"{dataset.name}: {images}, {num_labels} labels")
    if accuracy is None:
        outputs = session.network.output_shape[-1]
        console.print(
            f"network: its {outputs} outputs are not the {num_labels} labels, so it has no "
            "accuracy of its own here"
        )
        return
    note = ""
    if not experiment.trains and near_chance(accuracy, num_labels):
        suspects = " and ".join(
            f"--{name}" for name in ("scaling", *experiment.architecture.files.unsaid)
        )
        note = f"  (near chance: check {suspects})"
    console.print(f"network: test accuracy {accuracy:.4f}{note}")


def near_chance(accuracy: float, num_labels: int) -> bool:
    """Whether guessing among K labels might have given an accuracy."""
    return accuracy < min(1.5 / num_labels, 0.6)


def _accuracy(session: ProbeSession) -> float | None:
    """The share of test images to whose label the network gives its largest output.

    `None` where its outputs are not the data's labels.
    """
    if tuple(session.network.output_shape[1:]) != (session.dataset.num_labels,):
        return None
    images, correct = session.dataset.test, 0
    batch_size = session.experiment.heads.inference_batch_size
    for batch, labels in evaluation_batches(images, batch_size, session.scaling):
        (scores,) = current_devices().predict(session.network, batch)
        correct += int((scores.argmax(-1) == labels).sum())
    return correct / len(images)
