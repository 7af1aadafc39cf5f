"""Serves the tab's own files, and no others."""

from pathlib import Path

from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Request

from tb_plugin.answers import Answer

FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain",
    ".md": "text/plain",
    ".map": "application/json",
}


class StaticFiles:
    """Answers with the file of the folder that the path names.

    Args:
        prefix: `str`. What stands before the file's path, with its slash.
        folder: default the folder `static` of the package.
    """

    def __init__(self, prefix: str, folder: Path = FOLDER):
        self._prefix = prefix
        self._folder = folder.resolve()

    def serve(self, request: Request) -> Answer:
        """One file of the tab."""
        name = request.path.partition(self._prefix)[2]
        path = self._find(name)
        if path is None:
            raise NotFound("the tab has no such file or route")
        return Answer(path.read_bytes(), _TYPES[path.suffix])

    def modules(self) -> list[str]:
        """The paths of the tab's modules but the first, which asks for them."""
        paths = (path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*.js"))
        return sorted(path for path in paths if path != "index.js")

    def _find(self, name: str) -> Path | None:
        parts = name.split("/")
        if "\\" in name or any(part in ("", ".", "..") or part.startswith(".") for part in parts):
            return None
        path = self._folder.joinpath(*parts)
        try:
            # Links that lead out of the folder are not followed.
            inside = path.resolve().is_relative_to(self._folder)
            found = inside and path.suffix in _TYPES and path.is_file()
        except (OSError, ValueError):  # A name too long, or with a NUL in it.
            return None
        return path if found else None
