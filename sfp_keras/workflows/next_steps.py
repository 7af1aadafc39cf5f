"""What a person can do with a finished run."""

import shlex
from pathlib import Path

from rich.console import Console

from sfp_keras.experiment import program, typed
from sfp_keras.settings import AnalysisSettings


def next_steps(path: Path, threshold: float, console: Console, split: str = "test") -> None:
    """Say where the results of a split are and what to do next."""
    events = shlex.quote(str(path / "events"))
    flags = ["--mode=report", f"--run_dir={path}"]
    usual = AnalysisSettings()
    flags += [f"--threshold={threshold:g}"] if threshold != usual.threshold else []
    flags += [f"--split={split}"] if split not in usual.split else []
    report = typed(program(), flags)
    console.print(
        f"results: {path}\n"
        f"  {path / 'layers.csv'}  this table\n"
        f"  {path / 'stages'}/<stage>/{split}/filters.csv  every filter: clusters, noise\n"
        f"  {path / 'stages'}/<stage>/{split}/labels.csv  every label: signal, noise\n"
        + (
            f"every filter: tensorboard --logdir={events}  (tab Clusters)\n"
            if (path / "events").exists()
            else ""
        )
        + f"every figure and table, on a page: {report}\n"
        + f"next: the same command with --threshold={0.5 if threshold != 0.5 else 0.3:g} "
        "finds the clusters again in seconds, and with --stages=<names> probes other layers "
        "(--list_stages shows them)",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
