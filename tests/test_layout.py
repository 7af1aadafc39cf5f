"""The house's plan: which room may import which, what an import loads, and how long files are."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import sfp_keras

ROOT = Path(__file__).parents[1]
ROOMS = [
    *("filters", "data", "models", "training", "layers", "probing", "afcc", "reports"),
    *("monitoring", "experiment", "run_directory", "workflows"),
]
ANYWHERE = {"errors", "files", "backend", "_version"}
SOURCES = sorted((ROOT / "sfp_keras").rglob("*.py"))
OURS = [
    path
    for part in ("main.py", "flags", "sfp_keras", "tb_plugin", "benchmarks", "tests")
    for path in ([ROOT / part] if part.endswith(".py") else sorted((ROOT / part).rglob("*.py")))
]


def imported(path: Path) -> set[str]:
    """All modules that a file imports, at its top or inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            # `from sfp_keras import results` imports a module too.
            found |= {node.module or "", *(f"{node.module}.{a.name}" for a in node.names)}
    return found


def room_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "sfp_keras" and len(parts) > 1 else None


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_room_imports_only_rooms_before_it(path: Path) -> None:
    own = path.relative_to(ROOT / "sfp_keras").parts[0].removesuffix(".py")
    if own == "__init__":
        return
    for module in imported(path):
        room = room_of(module)
        if room is None or room in ANYWHERE or room == own or f"{room}" == "__version__":
            continue
        assert own not in ANYWHERE, f"{path} imports {module}"
        assert room in ROOMS, f"{path} imports {module}, which is no room"
        assert ROOMS.index(room) < ROOMS.index(own), f"{path} imports {module}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_flags_and_the_command_stay_outside_the_library(path: Path) -> None:
    assert not {m.split(".")[0] for m in imported(path)} & {"absl", "flags", "main", "tb_plugin"}


def test_tensorflow_is_imported_only_inside_functions() -> None:
    for path in SOURCES:
        top = ast.parse(path.read_text())
        top.body = [n for n in top.body if isinstance(n, ast.Import | ast.ImportFrom)]
        text = ast.unparse(top)
        assert "tensorflow" not in text, path
        assert "jax" not in text, path


def test_looking_at_the_science_loads_no_framework() -> None:
    program = """
import sys
import sfp_keras, sfp_keras.filters
sfp_keras.find_clusters, dir(sfp_keras)
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"keras", "tensorflow", "jax", "torch", "pandas", "sklearn", "absl"}


def test_every_public_name_is_there() -> None:
    for name in sfp_keras.__all__:
        assert getattr(sfp_keras, name) is not None
    for name, room in sfp_keras._ROOM_OF.items():
        assert name in importlib.import_module(room).__all__
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        sfp_keras.nonsense  # noqa: B018


@pytest.mark.parametrize("room", [r for r in ROOMS if (ROOT / "sfp_keras" / r).is_dir()])
def test_a_room_says_what_is_public(room: str) -> None:
    module = importlib.import_module(f"sfp_keras.{room}")
    if room != "workflows":
        assert all(hasattr(module, name) for name in module.__all__)
    assert module.__doc__


def test_no_file_is_long() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in OURS}
    assert {str(p): n for p, n in lengths.items() if n > 400} == {}
    assert not [p for p in OURS if p.stem in ("utils", "helpers")]
