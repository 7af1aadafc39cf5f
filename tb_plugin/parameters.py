"""Reads and checks the parameters of a request; an error is one line."""

import re
from collections.abc import Mapping

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from sfp_keras.errors import InputError
from sfp_keras.filters.clipping import as_threshold

DEFAULT_THRESHOLD = 0.3
MAX_TEXT = 4096
MAX_FILTERS = 128
MIN_CORNER, MAX_CORNER, DEFAULT_CORNER = 4, 128, 64

_INTEGER = re.compile(r"[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)
_FORMATS = ("json", "csv")


class Parameters:
    """The parameters of one request.

    Every getter raises `werkzeug.exceptions.BadRequest` where the value is wrong.

    Args:
        arguments: the query string's names and values. Names no route knows are let pass.
    """

    def __init__(self, arguments: MultiDict | Mapping[str, str]):
        self._arguments = MultiDict(arguments)

    def run(self) -> str:
        """The name of a run."""
        return self._required("run", "give the name of a run, as the route runs lists them")

    def stage(self) -> str:
        """The name of a stage."""
        return self._required("stage", "give the name of a stage of the run")

    def optional_stage(self) -> str | None:
        """The name of a stage, or `None` for all."""
        return self._text("stage")

    def step(self) -> int | None:
        """The step, or `None` for the latest."""
        return self._integer("step")

    def threshold(self) -> float:
        """The threshold, in [0, 1)."""
        text = self._text("threshold")
        if text is None:
            return DEFAULT_THRESHOLD
        if len(text) > 64 or not _NUMBER.fullmatch(text):
            raise BadRequest(
                f"threshold must be a number of at least 0 and below 1, not {shown(text)}"
            )
        value = float(text)
        try:
            as_threshold(value)
        except InputError as error:
            raise BadRequest(str(error)) from None
        return value

    def label(self) -> int | None:
        """The index of a label, or `None`."""
        return self._integer("label")

    def filter(self) -> int:
        """The index of one filter."""
        value = self._integer("filter")
        if value is None:
            raise BadRequest("filter is missing: give the index of a filter")
        return value

    def filters(self) -> list[int]:
        """The indices of the filters of a page."""
        text = self._required("filters", "give indices of filters with commas between")
        items = text.split(",")
        if len(items) > MAX_FILTERS:
            raise BadRequest(f"filters has {len(items)} indices; ask for {MAX_FILTERS} at most")
        if not all(_INTEGER.fullmatch(item) for item in items):
            raise BadRequest(f"filters must be indices with commas between, not {shown(text)}")
        return [int(item) for item in items]

    def corner(self) -> int:
        """How many rows and columns of a thumbnail to send."""
        value = self._integer("corner")
        if value is None:
            return DEFAULT_CORNER
        if not MIN_CORNER <= value <= MAX_CORNER:
            raise BadRequest(f"corner must be {MIN_CORNER} to {MAX_CORNER}, not {value}")
        return value

    def with_labels(self) -> bool:
        """Whether the labels of the clusters were asked for."""
        value = self._text("labels")
        if value not in (None, "0", "1"):
            raise BadRequest(f"labels must be 0 or 1, not {shown(value or '')}")
        return value == "1"

    def as_csv(self) -> bool:
        """Whether a download was asked for."""
        value = self._text("format")
        if value not in (None, *_FORMATS):
            raise BadRequest(f"format must be json or csv, not {shown(value or '')}")
        return value == "csv"

    def _required(self, name: str, mend: str) -> str:
        value = self._text(name)
        if not value:
            raise BadRequest(f"{name} is missing: {mend}")
        return value

    def _integer(self, name: str) -> int | None:
        text = self._text(name)
        if text is None:
            return None
        if not _INTEGER.fullmatch(text):
            raise BadRequest(f"{name} must be a whole number of at least 0, not {shown(text)}")
        return int(text)

    def _text(self, name: str) -> str | None:
        values = self._arguments.getlist(name)
        if not values:
            return None
        if len(values) > 1:
            raise BadRequest(f"{name} is given {len(values)} times; give it once")
        if len(values[0]) > MAX_TEXT:
            raise BadRequest(f"{name} is longer than {MAX_TEXT} characters")
        try:
            values[0].encode()
        except UnicodeEncodeError:
            raise BadRequest(f"{name} is not valid UTF-8") from None
        return values[0]


def shown(text: str) -> str:
    """A stranger's text, short enough for an error message."""
    return repr(text if len(text) <= 80 else text[:77] + "...")
