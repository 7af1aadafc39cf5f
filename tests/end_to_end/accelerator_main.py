"""main.py where Keras takes JAX's CPU for an accelerator, to which it sends batches ahead.

python accelerator_main.py <flags>
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jax
from absl import app

import main

jax.default_backend = lambda: "gpu"
app.run(main.main)
