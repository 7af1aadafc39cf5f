"""Flags of phase 3: the fields, clusters and noise of single filters."""

import numpy as np
from absl import flags

flags.DEFINE_float(
    "threshold",
    0.3,
    "Normalised fields above it, strictly, count as one. Another threshold re-reads the saved "
    "fields in seconds.",
)
flags.DEFINE_list(
    "split", ["test"], "Images the fields are measured on: test, train, or test,train."
)
flags.DEFINE_boolean(
    "decisions",
    False,
    "Also let every filter alone decide on every image: decisions.csv of each stage.",
)
flags.register_validator(
    "threshold",
    # Fields are compared in float32, where a number close to 1 is 1.
    lambda value: 0 <= value < 1 and np.float32(value) < 1,
    message="--threshold must be at least 0 and below 1 (the papers': 0.3)",
)
flags.register_validator(
    "split",
    lambda value: sorted(value) in (["test"], ["train"], ["test", "train"]),
    message="--split must be test, train, or test,train",
)
