"""Writes a small log with made-up filters, to try the tab: `python -m tb_plugin.demo LOGDIR`.

The log has the runs of a whole experiment: `train`, `heads` and `final`. What is in it is made up
so that it looks as in the papers: filters whose clusters hold one to three labels, and noise that
falls with depth and with training. Takes a second and 2 MB. One large stage, as of EfficientNet-B0
on ImageNet:

    python -m tb_plugin.demo --filters 1280 --labels 1000 LOGDIR
"""

import argparse
import dataclasses
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from sfp_keras.filters import FilterFields
from sfp_keras.monitoring.schema import About, header_of
from sfp_keras.monitoring.writer import MonitorWriter

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
INPUTS_PER_LABEL = 100
TRAIN_STEPS = range(0, 50, 5)
HEAD_STEPS = range(0, 25, 5)
_THRESHOLD = 0.3


@dataclasses.dataclass(frozen=True)
class DemoStage:
    """A stage to make up.

    Attributes:
        name: `str`.
        depth: `int`. Its place from the input side.
        filters: `int`. F.
        side: `int`. Rows and columns of a filter's outputs.
        clutter: `float`. How strongly filters answer to labels outside their clusters.
        accuracy: `float`. What its head reaches.
    """

    name: str
    depth: int
    filters: int
    side: int
    clutter: float
    accuracy: float


STAGES = (
    DemoStage("layer2", 0, 64, 4, 0.3, 0.68),
    DemoStage("layer7", 1, 128, 2, 0.17, 0.83),
    DemoStage("layer13", 2, 256, 1, 0.08, 0.92),
)


def make_fields(stage: DemoStage, labels: int, progress: float, seed: int) -> FilterFields:
    """Made-up factors of a stage.

    Args:
        stage: `DemoStage`.
        labels: `int`. K.
        progress: `float` in [0, 1]. How far its training has come; features do not depend on it.
        seed: `int`.
    """
    rng = np.random.default_rng([seed, stage.depth])
    positions = stage.side**2
    # Each filter prefers one to three of ten labels, and answers to all others a little.
    sizes = rng.choice((1, 2, 3), size=stage.filters, p=(0.5, 0.35, 0.15)) * max(1, labels // 50)
    ranks = rng.random((stage.filters, labels)).argsort(axis=1).argsort(axis=1)
    preferred = (ranks < sizes[:, None]).astype(np.float32)
    shape = labels, positions, stage.filters
    answer = rng.uniform(0.6, 1, shape).astype(np.float32)
    background = rng.exponential(stage.clutter, shape).astype(np.float32)
    features = preferred.T[:, None, :] * answer + background
    # Sums over positions average noise away; the factor gives it back to the early stages.
    spread = np.float32((stage.clutter + 0.5 * (1 - progress)) * stage.side)
    noise = rng.standard_normal((positions, stage.filters, labels), np.float32)
    kernel = preferred * np.float32(0.2 + 0.8 * progress) - np.float32(0.05) + spread * noise
    # A few filters push no label up: their fields are nowhere positive.
    dead = rng.random(stage.filters) < 0.02
    kernel[:, dead] = -np.abs(kernel[:, dead])
    counts = np.full(labels, INPUTS_PER_LABEL)
    return FilterFields(features, kernel, counts, (stage.side, stage.side))


def write_demo(
    log_dir: str | Path, *, filters: int | None = None, labels: int = 10, seed: int = 0
) -> list[Path]:
    """Write the log and return its runs' folders.

    Args:
        log_dir: folder for the runs.
        filters: `int`. Filters of one large stage, written alone as the run `final`; default
            `None`: three small stages and all runs.
        labels: `int`, default 10. K.
        seed: `int`, default 0.
    """
    folder = Path(log_dir)
    names = NAMES if labels == len(NAMES) else tuple(f"label {i:04d}" for i in range(labels))
    title = f"made-up network, {labels} labels"
    if filters is not None:
        large = DemoStage("stage9", 0, filters, 1, 0.06, 0.78)
        about = About("final", names, _THRESHOLD, title=title)
        return [_write_run(folder / "final", about, [large], [99], 99, False, seed)]
    runs: tuple[tuple[str, tuple[DemoStage, ...], Iterable[int], bool], ...] = (
        ("train", STAGES[-1:], TRAIN_STEPS, False),
        ("heads", STAGES, HEAD_STEPS, True),
        ("final", STAGES, HEAD_STEPS[-1:], False),
    )
    written = []
    for phase, stages, steps, shared in runs:
        about = About(phase, names, _THRESHOLD, biases_left_out=phase == "train", title=title)
        last = TRAIN_STEPS[-1] if phase == "train" else HEAD_STEPS[-1]
        written.append(_write_run(folder / phase, about, list(stages), steps, last, shared, seed))
    return written


def _write_run(
    folder: Path,
    about: About,
    stages: list[DemoStage],
    steps: Iterable[int],
    last: int,
    shared: bool,
    seed: int,
) -> Path:
    with MonitorWriter(folder) as writer:
        writer.about(about)
        for step in steps:
            progress = 1 - math.exp(-4 * (step + 1) / (last + 1))
            for stage in stages:
                fields = make_fields(stage, len(about.labels), progress, seed)
                correct = _correct(stage, len(about.labels), progress, seed)
                header = header_of(stage.name, stage.depth, step, fields, correct=correct)
                writer.measurement(header, fields, shared_features=shared)
    return folder


def _correct(stage: DemoStage, labels: int, progress: float, seed: int) -> np.ndarray:
    chance = 1 / labels
    accuracy = chance + (stage.accuracy - chance) * progress
    rng = np.random.default_rng([seed, stage.depth, int(1000 * progress)])
    return rng.binomial(INPUTS_PER_LABEL, accuracy, labels)


def main() -> None:
    """Read the command line and write the log."""
    parser = argparse.ArgumentParser(
        prog="python -m tb_plugin.demo", description="Write a made-up log to try the tab with."
    )
    parser.add_argument("logdir", help="folder for the runs")
    parser.add_argument(
        "--filters", type=_positive, help="write one large stage with so many filters"
    )
    parser.add_argument(
        "--labels", type=_at_least_three, default=len(NAMES), help="number of labels (10)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the made-up numbers (0)")
    flags = parser.parse_args()
    for folder in write_demo(
        flags.logdir, filters=flags.filters, labels=flags.labels, seed=abs(flags.seed)
    ):
        print(f"wrote {folder}")
    print(f"now run:  tensorboard --logdir {flags.logdir}")


def _positive(text: str) -> int:
    return _at_least(text, 1)


def _at_least_three(text: str) -> int:
    return _at_least(text, 3)


def _at_least(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
    return value


if __name__ == "__main__":
    main()
