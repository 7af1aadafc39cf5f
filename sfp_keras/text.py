"""Names and texts that a user gives, in one spelling.

The same name may be stored in several ways that look alike: with composed or decomposed accents,
with marks that no one sees, or with other blanks. Names are compared, and shown, as `plain_text`
spells them.
"""

import codecs
import unicodedata
from collections.abc import Sequence
from pathlib import Path

# Byte order mark, zero-width space, word joiner, soft hyphen. Joiners within words stay: Indian
# and Persian words and some emoji need them.
_UNSEEN = dict.fromkeys(map(ord, "\ufeff\u200b\u2060\u00ad"))
# Each file's first bytes say how its letters are stored; without them it is UTF-8.
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def plain_text(text: str) -> str:
    r"""Spell a text in the one way in which texts are compared and shown.

    Accents are composed (Unicode's form NFC), blanks of all kinds are spaces, those around it and
    marks that are not seen are gone. Control characters, line ends and what no encoding can write
    become escapes such as `\r`, and so does a text of nothing else.

    Args:
        text: `str`.

    Returns:
        The text, of characters that can be written and seen. Spelled again it stays the same.
    """
    shown = unicodedata.normalize("NFC", text.translate(_UNSEEN))
    shown = "".join(" " if unicodedata.category(c) == "Zs" else c for c in shown)
    shown = shown.strip() or text
    return one_line(shown)


def did_you_mean(names: Sequence[object]) -> str:
    """A question after a semicolon, `"; did you mean this or that?"`; empty without names."""
    return f"; did you mean {' or '.join(map(str, names))}?" if names else ""


def one_line(text: str) -> str:
    r"""A text with escapes such as `\n` for what would end the line, or cannot be shown."""
    return "".join(map(_visible, text))


def has_text(text: str) -> bool:
    """Whether a text has more than blanks and marks that are not seen."""
    return bool(text.translate(_UNSEEN).strip())


def _visible(character: str) -> str:
    # Control characters, halves of surrogate pairs, line and paragraph separators.
    hidden = unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
    unseen = ord(character) in _UNSEEN
    return character.encode("unicode_escape").decode() if hidden or unseen else character


def read_lines(path: Path) -> list[str]:
    """Read the lines of a text file, in UTF-8 or UTF-16, with or without a byte order mark.

    Args:
        path: `Path`.

    Raises:
        UnicodeDecodeError: if it is no text.
    """
    content = path.read_bytes()
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8-sig")
    text = content.decode(encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
