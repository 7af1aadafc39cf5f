"""What names a user's own network, looked at before Keras is imported."""

import difflib
import functools
import importlib.util
import re
import zipfile
from pathlib import Path

from sfp_keras.errors import InputError
from sfp_keras.files import meant
from sfp_keras.importing import check_module
from sfp_keras.models.registry import architectures
from sfp_keras.text import did_you_mean

_APPLICATIONS = "keras.applications"
_HDF5 = b"\x89HDF\r\n\x1a\n"


def check_own_spec(spec: str) -> None:
    """Refuse what names no network, as far as names and the kind of a file say it.

    Neither Keras nor the user's module is imported.

    Args:
        spec: `str`. As `load_own_model` takes it.

    Raises:
        InputError: if there is no such file, package or name; the message says the mend.
    """
    if is_factory(spec):
        check_module(spec, "model")
        _check_application(*spec.split(":", 1))
    elif spec.endswith((".keras", ".h5", ".hdf5")) or Path(spec).exists():
        _check_file(Path(spec))
    else:
        file = Path(f"{spec}.keras")
        asked = did_you_mean([file]) if file.is_file() else _named_so(spec)
        raise InputError(f"`model`={spec} is no network with a name{asked}")


def is_factory(spec: str) -> bool:
    """Whether a network is named as `package.module:factory`, and not by a file."""
    return ":" in spec and not Path(spec).exists()


def _check_file(path: Path) -> None:
    if not path.exists():
        raise InputError(f"`model`: file {path} does not exist{meant(path)}")
    if path.name.endswith(".weights.h5") and _begins_with(path, _HDF5):
        raise InputError(
            f"`model`: file {path} holds weights without a network: write a function that builds "
            "the network and loads them (load_weights), and say `model`=package.module:function"
        )
    if _begins_with(path, _HDF5):
        new = path.with_suffix(".keras")
        raise InputError(
            f"`model`: file {path} is of Keras' older format; save it once as a .keras file: "
            "python "
            f'-c "import keras; keras.models.load_model({str(path)!r}, compile=False)'
            f'.save({str(new)!r})" and say `model`={new}'
        )
    if path.suffix != ".keras" or not _is_keras_archive(path):
        raise InputError(
            f"`model`: file {path} is not a Keras 3 model file: save the network with "
            "model.save('name.keras')"
        )


def _begins_with(path: Path, signature: bytes) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(signature)) == signature


def _is_keras_archive(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return "config.json" in archive.namelist()


def _check_application(module: str, name: str) -> None:
    known = {one.lower(): one for one in application_names()}
    if module != _APPLICATIONS or not known or name in known.values():
        return
    close = [known[one] for one in difflib.get_close_matches(name.lower(), known, 3)]
    raise InputError(
        f"`model`={module}:{name}: Keras Applications has no network {name!r}{did_you_mean(close)}"
    )


def _named_so(spec: str) -> str:
    """Which networks there are, those that were probably meant first."""
    ours = {name.lower(): name for name in architectures()}
    theirs = {name.lower(): f"{_APPLICATIONS}:{name}" for name in application_names()}
    # Of `keras.applications.ResNet50`, too, the last part is the network's name.
    name = spec.rpartition(".")[2] if spec.startswith("keras.") else spec
    word, known = re.sub(r"[^a-z0-9]", "", name.lower()), {**theirs, **ours}
    if word in known:
        close = [known[word]]
    else:
        close = [
            names[one]
            for names in (ours, theirs)
            for one in difflib.get_close_matches(word, names, 2, 0.75)
        ]
    return (
        (f"{did_you_mean(close)} There are " if close else "; there are ")
        + f"{', '.join(ours.values())}; those of Keras Applications are named as in "
        f"{_APPLICATIONS}:ResNet50, others by a .keras file or as package.module:factory"
    )


@functools.cache
def application_names() -> tuple[str, ...]:
    """The networks of Keras Applications, read without importing Keras.

    Returns:
        Names of functions of `keras.applications`; none where they cannot be found.
    """
    try:
        found = importlib.util.find_spec("keras")
        if found is None or found.origin is None:
            return ()
        text = (Path(found.origin).parent / "applications" / "__init__.py").read_text()
    except (ImportError, OSError):
        return ()
    return tuple(re.findall(r"^from [\w.]+ import ([A-Z]\w*)", text, re.MULTILINE))
