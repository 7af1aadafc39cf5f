"""Settings for every test."""

import os

# Before any framework is imported: its start-up notes hide what a failing test says.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
