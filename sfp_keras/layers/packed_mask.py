"""Boolean masks as Keras configurations and weights files can hold them."""

import base64
import binascii
import math
import zlib
from typing import Any

import numpy as np

from sfp_keras.errors import InputError


def as_mask(mask: Any) -> np.ndarray:
    """Return a mask as a read-only bool array.

    Args:
        mask: array of bools or of the numbers 0 and 1, or the dict of `pack_mask`.

    Raises:
        InputError: if there is anything but zeros and ones in it, or nothing but zeros.
    """
    if isinstance(mask, dict):
        return unpack_mask(mask)
    try:
        array = np.asarray(mask)
    except ValueError:
        raise InputError("`mask` must be one array: its rows have different lengths") from None
    if array.dtype != bool:
        if array.dtype == object or not np.issubdtype(array.dtype, np.number):
            raise InputError(
                f"`mask` must hold bools or the numbers 0 and 1, received dtype {array.dtype}"
            )
        wrong = (array != 0) & (array != 1)  # NaN is neither.
        if wrong.any():
            raise InputError(
                f"`mask` must hold bools or the numbers 0 and 1, received {array[wrong].flat[0]!r} "
                f"among {array.size} elements"
            )
        array = array.astype(bool)
    if array.ndim == 0:
        raise InputError(f"`mask` must be an array, received {mask!r}")
    if not array.any():
        raise InputError(f"`mask` of shape {array.shape} keeps no weight; it must keep one")
    array = array.copy()
    array.flags.writeable = False
    return array


def pack_mask(mask: np.ndarray) -> dict[str, Any]:
    """A mask as JSON: its shape and its bits, compressed."""
    bits = zlib.compress(np.packbits(mask).tobytes(), 9)
    return {"shape": list(mask.shape), "bits": base64.b64encode(bits).decode()}


def unpack_mask(packed: dict[str, Any]) -> np.ndarray:
    """Read back what `pack_mask` made.

    Raises:
        InputError: if it is damaged.
    """
    try:
        shape = tuple(int(n) for n in packed["shape"])
        count = math.prod(shape)
        # No more than the shape needs: a small file must not unfold into all of memory.
        data = zlib.decompressobj().decompress(
            base64.b64decode(packed["bits"], validate=True), max(1, -(-count // 8))
        )
        bits = np.unpackbits(np.frombuffer(data, np.uint8), count=count)
    except (KeyError, TypeError, ValueError, binascii.Error, zlib.error) as error:
        raise InputError(f"the saved mask is damaged ({error})") from None
    if bits.size != count or 8 * len(data) < count:
        raise InputError(f"the saved mask is damaged: {len(data)} bytes for shape {shape}")
    return as_mask(bits.reshape(shape).astype(bool))
