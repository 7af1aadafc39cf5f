"""Pickles of plain data and NumPy arrays, read without running what else they name.

A pickle is a program: it may call any importable function. The one reader here knows the few
names an array needs and refuses all others.
"""

import pickle
from typing import IO, Any

import numpy as np

from sfp_keras.errors import InputError


def load_plain_pickle(file: IO[bytes], name: str) -> Any:
    """Read a pickle of lists, dicts, numbers, bytes and NumPy arrays.

    Strings written by Python 2 come as bytes.

    Args:
        file: binary file object.
        name: `str`. What to call the file in errors.

    Returns:
        What was pickled.

    Raises:
        InputError: if the pickle names anything else (nothing of it has been called), is cut
            short or is no pickle.
    """
    try:
        return _PlainUnpickler(file, encoding="bytes").load()
    except _ForbiddenNameError as error:
        raise InputError(
            f"{name} is not safe to read: it calls {error}, which image data does not need; "
            "nothing was executed. Get the file from its publisher"
        ) from None
    except Exception as error:  # a broken pickle raises almost anything
        raise InputError(
            f"{name} is cut short or no pickle ({type(error).__name__}); get it again"
        ) from None


class _ForbiddenNameError(pickle.UnpicklingError):
    pass


def _latin1_bytes(text: str, encoding: str) -> bytes:
    """Do what `_codecs.encode` is for in pickles of bytes with protocol 2, and no more."""
    if encoding != "latin1":
        raise _ForbiddenNameError(f"_codecs.encode for {encoding!r}")
    return text.encode("latin1")


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        # NumPy 1 wrote numpy.core, NumPy 2 writes numpy._core.
        if module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            if name == "_reconstruct":
                # The function NumPy itself names, wherever this version keeps it.
                return np.empty(0).__reduce__()[0]
        elif module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        elif (module, name) == ("_codecs", "encode"):
            return _latin1_bytes
        raise _ForbiddenNameError(f"{module}.{name}")
