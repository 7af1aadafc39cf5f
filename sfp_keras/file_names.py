"""Names of layers and stages as names of files."""

import hashlib
import re
import unicodedata
from urllib.parse import quote, unquote

# A file name may have 255 bytes; this leaves room for an ending, and for the temporary name.
MOST_BYTES = 200
# A dot in front would hide the file, or be a folder above it.
_ESCAPED = re.compile(r"^\.|[\x00-\x1f\x7f/%\ud800-\udfff]")


def file_name(name: str) -> str:
    """The name of a file or folder for what has a name of its own.

    Most names stay as they are. A dot in front, slashes, percent signs and control characters
    are written as in addresses of the web: `..` is `%2E.`. Of a long name the beginning is kept,
    and a digest of the whole. Names that differ have different file names.

    Args:
        name: `str`. Any text.

    Returns:
        One part of a path, of at most 200 bytes.
    """
    escaped = _ESCAPED.sub(lambda found: _percent(found[0]), name) or "%"
    if len(escaped.encode()) <= MOST_BYTES:
        return escaped
    digest = f"%-{hashlib.sha256(escaped.encode()).hexdigest()[:16]}"
    return escaped.encode()[: MOST_BYTES - len(digest)].decode(errors="ignore") + digest


def name_of_file(file: str) -> str:
    """The name that `file_name` made a file name of; of a long name its beginning and digest."""
    return "" if file == "%" else unquote(file, errors="surrogatepass")


def same_file(one: str, other: str) -> bool:
    """Whether the files of two names are one on some disks, which take `A` and `a` for the same."""
    first, second = (
        unicodedata.normalize("NFC", file_name(name)).casefold() for name in (one, other)
    )
    return first == second


def _percent(character: str) -> str:
    # What `quote` leaves as it is, a dot, has to be written so as well.
    return "%2E" if character == "." else quote(character, safe="", errors="surrogatepass")
