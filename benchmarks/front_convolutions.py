"""A compact transformer with convolutions in place of its first encoders: operations and time.

    python benchmarks/front_convolutions.py [--model=cct7_3x1] [--front=0,1,3,5] [--rounds=10]

Each network is called with 1 and with 100 images of 32x32, compiled, with random weights; calls
are timed in turns in one run, the fastest counts. The last column has ratios to the network
without such convolutions. Takes some 2 minutes on 2 cores.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # As the command does.

import keras
import numpy as np
from timing import fastest

from sfp_keras import build_network, network_report

BATCHES = (1, 100)


def milliseconds(models: dict[int, keras.Model], images: int, rounds: int) -> dict[int, float]:
    """Milliseconds an image of each network, in batches of `images`."""
    batch = np.random.default_rng(0).random((images, 32, 32, 3), dtype=np.float32)
    ways = {
        front: lambda model=model: model.predict_on_batch(batch) for front, model in models.items()
    }
    # Single images end in milliseconds, and their times scatter.
    taken = fastest(ways, rounds if images > 1 else 20 * rounds)
    return {front: 1000 * seconds / images for front, seconds in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="cct7_3x1")
    parser.add_argument("--front", default="0,1,3,5")
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()

    fronts = [int(front) for front in arguments.front.split(",")]
    models = {
        front: build_network(arguments.model, 10, front_convolutions=front) for front in fronts
    }
    single, many = (milliseconds(models, images, arguments.rounds) for images in BATCHES)
    print(f"{arguments.model}: ms an image, and times without convolutions in front = 1\n")
    columns = ("convolutions", "parameters", "multiply-adds", "1 image", "in batches of 100")
    print("|", " | ".join((*columns, "ratio, 1 and 100")), "|")
    print("|--:|--:|--:|--:|--:|--:|")
    for front, model in models.items():
        report = network_report(model)
        print(
            f"| {front} | {model.count_params():,} | {report.operations / 1e6:,.0f} million "
            f"| {single[front]:.2f} | {many[front]:.2f} "
            f"| {single[front] / single[fronts[0]]:.2f} {many[front] / many[fronts[0]]:.2f} |"
        )


if __name__ == "__main__":
    main()
