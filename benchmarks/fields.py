"""Fields of every filter from stage outputs: ours against the ways one would first write.

    python benchmarks/fields.py [--filters=512] [--positions=4] [--labels=100] [--inputs=10000]

The default is layer 10 of VGG-16 on the test set of CIFAR-100, with random features; the forward
pass through the network is left out. All ways end with the mean field matrix of every filter and
must agree. Slow ways are timed on a part and scaled, as the table says. Takes about 20
seconds on 2 cores.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # As the command does.

import numpy as np

from sfp_keras.filters import FilterFields
from sfp_keras.probing import ClassMeans

BATCH = 100


class Task:
    """Random stage outputs, labels and head of one stage."""

    def __init__(self, inputs: int, positions: int, filters: int, labels: int) -> None:
        rng = np.random.default_rng(0)
        self.outputs = rng.random((inputs, positions, filters), dtype=np.float32)
        self.labels = rng.permutation(np.arange(inputs) % labels)
        self.kernel = rng.normal(size=(positions, filters, labels)).astype(np.float32)
        self.counts = np.bincount(self.labels, minlength=labels)

    @property
    def num_batches(self) -> int:
        """Number of batches of the whole set."""
        return -(-len(self.labels) // BATCH)

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Outputs and labels, batch by batch."""
        for start in range(0, len(self.labels), BATCH):
            yield self.outputs[start : start + BATCH], self.labels[start : start + BATCH]


def factorised(task: Task) -> np.ndarray:
    """Ours: class sums of the features row by row, then one small product a filter."""
    positions, filters, labels = task.kernel.shape
    sums = ClassMeans(labels, positions * filters)
    for outputs, targets in task.batches():
        sums.add(outputs.reshape(len(outputs), -1), targets)
    means = sums.means().reshape(labels, positions, filters)
    fields = FilterFields(means, task.kernel, task.counts, (positions,))
    return fields.matrices(slice(None))


def einsum_and_scatter(task: Task) -> np.ndarray:
    """Fields of every input for all filters, then one NumPy scatter-add a filter."""
    _, filters, labels = task.kernel.shape
    sums = np.zeros((filters, labels, labels), np.float32)
    for outputs, targets in task.batches():
        fields = np.einsum("bpf,pfk->fbk", outputs, task.kernel, optimize=True)
        for index in range(filters):
            np.add.at(sums[index], targets, fields[index])
    return sums / task.counts[:, None]


def einsum_and_scatter_tensorflow(task: Task) -> np.ndarray:
    """The same in TensorFlow, where both steps use all cores."""
    import tensorflow as tf

    _, filters, labels = task.kernel.shape
    kernel = tf.constant(task.kernel)
    sums = [tf.zeros((labels, labels)) for _ in range(filters)]
    for outputs, targets in task.batches():
        fields = tf.unstack(tf.einsum("bpf,pfk->fbk", tf.constant(outputs), kernel))
        index = tf.constant(targets)
        sums = [
            total + tf.math.unsorted_segment_sum(field, index, labels)
            for total, field in zip(sums, fields, strict=True)
        ]
    return tf.stack(sums).numpy() / task.counts[:, None]


def literal_silencing(task: Task, filters: int) -> np.ndarray:
    """Zero the head's other weights and run the whole head again, for one filter after another."""
    positions, all_filters, labels = task.kernel.shape
    matrices = []
    for index in range(all_filters)[:filters]:
        silenced = np.zeros_like(task.kernel)
        silenced[:, index] = task.kernel[:, index]
        matrix = np.zeros((labels, labels), np.float32)
        for outputs, targets in task.batches():
            flat = outputs.reshape(len(outputs), -1)
            np.add.at(matrix, targets, flat @ silenced.reshape(positions * all_filters, labels))
        matrices.append(matrix / task.counts[:, None])
    return np.stack(matrices)


def timed(way: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    start = time.perf_counter()
    result = way()
    return time.perf_counter() - start, result


def compare_forms(task: Task, part_batches: int, part_filters: int, rounds: int) -> None:
    """Print how long each way to the field matrices takes: the fastest of interleaved rounds."""
    positions, filters, labels = task.kernel.shape
    part_batches, part_filters = min(part_batches, task.num_batches), min(part_filters, filters)
    part = Task(part_batches * BATCH, positions, filters, labels)
    batches = f"{part_batches} of {task.num_batches} batches, scaled"
    more_batches = task.num_batches / part_batches
    ways: dict[str, tuple[Callable[[], np.ndarray], np.ndarray, float, str]] = {
        "ours: class sums, then a product a filter": (
            lambda: factorised(task),
            factorised(task),
            1,
            "whole",
        ),
        "einsum for each batch, a scatter a filter (NumPy)": (
            lambda: einsum_and_scatter(part),
            factorised(part),
            more_batches,
            batches,
        ),
        "einsum for each batch, a scatter a filter (TensorFlow)": (
            lambda: einsum_and_scatter_tensorflow(part),
            factorised(part),
            more_batches,
            batches,
        ),
        "literal silencing, the head run for each filter": (
            lambda: literal_silencing(task, part_filters),
            factorised(task)[:part_filters],
            filters / part_filters,
            f"{part_filters} of {filters} filters, scaled",
        ),
    }
    seconds = {name: float("inf") for name in ways}
    for _ in range(rounds):
        for name, (way, expected, scale, _) in ways.items():
            elapsed, result = timed(way)
            np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-4)
            seconds[name] = min(seconds[name], elapsed * scale)

    print("| way | seconds | times ours | timed on |")
    print("|---|--:|--:|---|")
    ours = next(iter(seconds.values()))
    for name, (_, _, _, note) in ways.items():
        print(f"| {name} | {seconds[name]:.3f} | {seconds[name] / ours:.1f} | {note} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--filters", type=int, default=512)
    parser.add_argument("--positions", type=int, default=4)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--part_batches", type=int, default=20)
    parser.add_argument("--part_filters", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    flags = parser.parse_args()
    task = Task(flags.inputs, flags.positions, flags.filters, flags.labels)
    print(
        f"F={flags.filters} filters, P={flags.positions} positions, K={flags.labels} labels, "
        f"{flags.inputs} inputs in batches of {BATCH}; forward pass left out; "
        f"the fastest of {flags.rounds} interleaved rounds.\n"
    )
    compare_forms(task, flags.part_batches, flags.part_filters, flags.rounds)


if __name__ == "__main__":
    main()
