"""The papers' symbols in running text, typeset for pages and for LaTeX."""

import re
from collections.abc import Callable

# `N_c`, `N_f` and `C_s`; words with an index, such as `SNR_E`; and `n` and `K` alone.
_SYMBOL = re.compile(r"(?<![\w$\\])(?:([NC])_([cfs])|(SNR|noise)_([IE])|([nK]))(?!\w)")


def typeset_html(text: str, escape: Callable[[str], str]) -> str:
    """Text with its symbols as HTML and MathML, which browsers typeset without a script.

    Args:
        text: `str`.
        escape: writes what is no symbol as HTML.

    Returns:
        HTML.
    """
    return _typeset(text, escape, _mathml)


def typeset_latex(text: str, escape: Callable[[str], str]) -> str:
    """Text with its symbols as LaTeX's mathematics: `$N_c$`, `SNR$_E$`.

    Args:
        text: `str`.
        escape: writes what is no symbol as LaTeX.

    Returns:
        LaTeX.
    """
    return _typeset(text, escape, _mathematics)


def _typeset(text: str, escape: Callable[[str], str], symbol: Callable[[re.Match], str]) -> str:
    pieces, end = [], 0
    for match in _SYMBOL.finditer(text):
        pieces += [escape(text[end : match.start()]), symbol(match)]
        end = match.end()
    return "".join([*pieces, escape(text[end:])])


def _mathml(match: re.Match) -> str:
    letter, index, word, of_word, alone = match.groups()
    if alone:
        return f"<math><mi>{alone}</mi></math>"
    if word:  # In the type of the words beside it.
        return f"{word}<sub><i>{of_word}</i></sub>"
    return f"<math><msub><mi>{letter}</mi><mi>{index}</mi></msub></math>"


def _mathematics(match: re.Match) -> str:
    letter, index, word, of_word, alone = match.groups()
    if word:
        return f"{word}$_{of_word}$"
    return f"${alone}$" if alone else f"${letter}_{index}$"
