"""Pickles of plain data and NumPy arrays, read without running what else they name.

A pickle is a program: it may call any importable function, and a few bytes of it can keep Python
busy for ever, such as keys made of tuples that hold one another. The one reader here knows the few
names an array needs, calls them with plain arguments alone, and refuses all else.
"""

import pickle
from typing import IO, Any, ClassVar

import numpy as np

from sfp_keras.errors import InputError

# The functions NumPy itself names in its pickles, wherever this version keeps them.
_RECONSTRUCT: Any = np.empty(0).__reduce__()[0]
_SCALAR: Any = np.int64(0).__reduce__()[0]
_FROM_BUFFER: Any = np.empty(0).__reduce_ex__(5)[0]
_PLAIN = (str, bytes, bytearray, int, float, bool, type(None))


def load_plain_pickle(file: IO[bytes], name: str) -> Any:
    """Read a pickle of lists, dicts, numbers, bytes and NumPy arrays.

    Strings written by Python 2 come as bytes. All protocols of pickle are read, and NumPy's own
    numbers among Python's.

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


class _ArrayType:
    """Stands for `numpy.ndarray`, which a pickle names and must not call."""


def _check(good: bool, what: str) -> None:
    if not good:
        raise _ForbiddenNameError(f"{what} with other arguments than NumPy's")


def _flat(value: Any) -> bool:
    """Whether a value is plain, or a tuple of plain values."""
    return all(type(x) in _PLAIN for x in (value if type(value) is tuple else (value,)))


def _latin1_bytes(text: Any, encoding: Any) -> bytes:
    """Do what `_codecs.encode` is for in pickles of bytes with protocol 2, and no more."""
    _check(type(text) is str and encoding in ("latin1", b"latin1"), "_codecs.encode")
    return text.encode("latin1")


def _bytes(*arguments: Any) -> bytes:
    """Do what `bytes` and `bytearray` are for in pickles of protocols below 5."""
    if len(arguments) == 2:
        _check(arguments[1] in ("latin-1", "latin1") and type(arguments[0]) is str, "bytes")
        return arguments[0].encode("latin1")
    content = arguments[0] if arguments else b""
    _check(len(arguments) < 2 and type(content) in (bytes, bytearray), "bytes")
    return bytes(content)


def _ordered_dict(*arguments: Any) -> dict[Any, Any]:
    _check(not arguments, "collections.OrderedDict")
    return {}


def _array(kind: Any, shape: Any, dtype: Any) -> np.ndarray:
    _check(kind is _ArrayType and _flat(shape) and _flat(dtype), "numpy.ndarray")
    return _RECONSTRUCT(np.ndarray, shape, dtype)


def _dtype(name: Any, *more: Any) -> np.dtype:
    _check(type(name) in (str, bytes) and _flat(more), "numpy.dtype")
    return np.dtype(name.decode() if isinstance(name, bytes) else name, *map(bool, more[:2]))


def _scalar(dtype: Any, content: Any) -> Any:
    _check(isinstance(dtype, np.dtype) and dtype.kind in "biufSU", "numpy.scalar")
    _check(type(content) is bytes, "numpy.scalar")
    return _SCALAR(dtype, content)


def _from_buffer(content: Any, dtype: Any, *more: Any) -> np.ndarray:
    _check(type(content) in (bytes, bytearray) and isinstance(dtype, np.dtype), "numpy.frombuffer")
    _check(all(map(_flat, more)), "numpy.frombuffer")
    return _FROM_BUFFER(content, dtype, *more)


# NumPy 1 wrote numpy.core, NumPy 2 writes numpy._core.
_KNOWN: dict[tuple[str, str], Any] = {
    **{
        (f"numpy.{core}.{module}", name): call
        for core in ("core", "_core")
        for module, name, call in (
            ("multiarray", "_reconstruct", _array),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
    ("numpy", "ndarray"): _ArrayType,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _latin1_bytes,
    **{
        (module, name): _bytes
        for module in ("builtins", "__builtin__")
        for name in ("bytes", "bytearray")
    },
    ("collections", "OrderedDict"): _ordered_dict,
}


_Unpickler: Any = pickle._Unpickler


# In Python rather than C, so that the steps that could be misused can be guarded; most of a file
# is a few long strings, which take both as long.
class _PlainUnpickler(_Unpickler):
    dispatch: ClassVar[dict[int, Any]] = dict(_Unpickler.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise _ForbiddenNameError(f"{module}.{name}")
        return _KNOWN[module, name]

    def guarded_build(self) -> None:
        state, made = self.stack[-1], self.stack[-2]
        if isinstance(made, np.dtype):
            _check(_flat(state), "numpy.dtype")
        else:
            _check(type(made) is np.ndarray and type(state) is tuple, "an object's state")
            _check(all(_flat(x) or isinstance(x, np.dtype) for x in state), "numpy.ndarray")
        _Unpickler.load_build(self)

    def guarded_item(self) -> None:
        self._check_keys(self.stack[-3], self.stack[-2:-1])
        _Unpickler.load_setitem(self)

    def guarded_items(self) -> None:
        self._check_keys(self.metastack[-1][-1], self.stack[::2])
        _Unpickler.load_setitems(self)

    def guarded_dict(self) -> None:
        self._check_keys({}, self.stack[::2])
        _Unpickler.load_dict(self)

    def guarded_set(self) -> None:
        raise _ForbiddenNameError("set")

    def _check_keys(self, filled: Any, keys: list[Any]) -> None:
        # The hash of tuples that hold one another takes for ever.
        if not (isinstance(filled, dict) and _flat(tuple(keys))):
            raise _ForbiddenNameError("a dict with keys that are no texts")

    for _code, _step in (
        (pickle.BUILD, guarded_build),
        (pickle.SETITEM, guarded_item),
        (pickle.SETITEMS, guarded_items),
        (pickle.DICT, guarded_dict),
        (pickle.EMPTY_SET, guarded_set),
        (pickle.FROZENSET, guarded_set),
    ):
        dispatch[_code[0]] = _step
