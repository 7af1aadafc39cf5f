"""Single-filter performance of image classifiers: train, probe every stage, read every filter.

    python main.py --mode=probe --dataset=cifar100 --data_dir=<folder with cifar-100-python>

runs the papers' three phases and prints their table for your network. `--help` shows the flags
that matter, `--helpfull` every flag by topic; flags/presets has the papers' experiments.
"""

import flags  # noqa: F401  (defines them)
from sfp_keras.command import build_experiment, main, run

__all__ = ["build_experiment", "main", "run"]

if __name__ == "__main__":
    run()
