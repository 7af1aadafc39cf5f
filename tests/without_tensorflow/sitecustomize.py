"""With this folder on PYTHONPATH every import of TensorFlow fails, as where it is not installed.

Python runs a sitecustomize module on its path before anything else.
"""

import sys


class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "tensorflow_datasets"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


sys.meta_path.insert(0, Refuse())
