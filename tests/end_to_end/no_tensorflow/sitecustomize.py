"""On PYTHONPATH: hides TensorFlow and tensorflow-datasets, as if they were not installed."""

import sys
from importlib.machinery import PathFinder

_find_spec = PathFinder.find_spec


def find_spec(name: str, *args: object) -> object:
    hidden = name.partition(".")[0] in ("tensorflow", "tensorflow_datasets", "tf_keras")
    return None if hidden else _find_spec(name, *args)


PathFinder.find_spec = find_spec
sys.modules.pop("tensorflow", None)
