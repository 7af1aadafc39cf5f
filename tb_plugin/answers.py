"""Turns a handler into a WSGI application that answers every request, also a wrong one."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tensorboard.backend import http_util
from tensorboard.errors import PublicError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from sfp_keras.errors import InputError
from tb_plugin import encoding
from tb_plugin.concurrency import serving

_MAX_NOTICE = 500


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a handler answers with.

    Attributes:
        content: text or bytes.
        content_type: `str`. MIME type.
        download: name of the file a browser saves it as, or empty.
    """

    content: str | bytes
    content_type: str
    download: str = ""


def json_answer(value: Mapping[str, Any]) -> Answer:
    """An answer in JSON."""
    return Answer(encoding.to_json(value), "application/json")


def shortened(notices: Iterable[str]) -> list[str]:
    """Notices as an answer has them: a stranger's names may make one longer than a page."""
    return [
        text if len(text) <= _MAX_NOTICE else text[: _MAX_NOTICE - 3] + "..." for text in notices
    ]


def notice(run: str, stage: str, step: int, error: InputError | HTTPException) -> str:
    """Why a stage's measurement at a step is left out."""
    if isinstance(error, HTTPException):
        return str(error.description)  # It names all three.
    return f"{run}: {stage} at step {step}: {error}"


def csv_answer(columns: Sequence[str], rows: Iterable[Sequence[Any]], *name: str) -> Answer:
    """A table to be saved under a name made of the parts given."""
    return Answer(encoding.to_csv(columns, rows), "text/csv", f"{encoding.file_name(*name)}.csv")


def binary_answer(header: Mapping[str, Any], arrays: Iterable[bytes]) -> Answer:
    """A header in JSON and arrays."""
    return Answer(encoding.to_binary(header, arrays), "application/octet-stream")


def application(handler: Callable[[Request], Answer]) -> Callable[..., Any]:
    """A WSGI application that answers GET with what the handler returns.

    An error of the request or of the log becomes a status of 4xx with `{"error": text}`.
    """

    @Request.application
    def respond(request: Request) -> Response:
        if request.method != "GET":
            return _error(request, 405, "only GET is answered", [("Allow", "GET")])
        try:
            with serving(request.environ):
                answer = handler(request)
        except HTTPException as error:
            return _error(request, error.code or 400, error.description or error.name)
        except InputError as error:
            return _error(request, 422, str(error))
        except PublicError as error:
            return _error(request, error.http_code, str(error), error.headers)
        headers = []
        if answer.download:
            headers.append(("Content-Disposition", f'attachment; filename="{answer.download}"'))
        return http_util.Respond(request, answer.content, answer.content_type, headers=headers)

    return respond


def _error(
    request: Request, code: int, text: str, headers: list[tuple[str, str]] | None = None
) -> Response:
    content = encoding.to_json({"error": shortened([text])[0]})
    return http_util.Respond(request, content, "application/json", code=code, headers=headers)
