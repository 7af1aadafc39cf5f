"""The fields phase through the network, against a plain `predict` over the same images.

    python benchmarks/fields_pass.py [--model=vgg16] [--images=2000] [--labels=100]

Ours runs the network cut at the papers' five stages, sums every stage's outputs by label and
classifies with all five heads; `predict` returns the network's logits. In turns, fastest round.
Takes about a minute on 2 cores.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # As the command does.

import numpy as np
from timing import fastest

from sfp_keras.models import build_vgg, default_stage_names
from sfp_keras.probing import cut_stages, measure_fields, resolve_stages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="vgg16")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (options.images, 32, 32, 3)).astype(np.float32)
    labels = rng.permutation(np.arange(options.images) % options.labels)
    network = build_vgg(options.model, options.labels)
    stages = resolve_stages(network, default_stage_names(options.model))
    cut = cut_stages(network, stages)
    kernels = {
        stage.name: rng.normal(
            size=(stage.head_inputs // stage.filters, stage.filters, options.labels)
        ).astype(np.float32)
        for stage in stages
    }
    batches = [(images[i : i + 100], labels[i : i + 100]) for i in range(0, len(images), 100)]
    ways = {
        "plain predict of the network": lambda: network.predict(images, 100, verbose=0),
        "predict of the cut network, batch by batch": lambda: [
            cut.predict_on_batch(x) for x, _ in batches
        ],
        "fields and accuracies of all stages": lambda: measure_fields(cut, kernels, batches),
    }
    best = fastest(ways, options.rounds)
    reference = best["plain predict of the network"]
    print(f"{options.model}, {options.images} images, K={options.labels}, float32\n")
    print("| way | seconds | ratio |")
    print("|---|---|---|")
    for name, took in best.items():
        print(f"| {name} | {took:.2f} | {took / reference:.2f} |")


if __name__ == "__main__":
    main()
