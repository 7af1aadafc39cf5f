"""A prepared data set of tensorflow-datasets: found on disk, or prepared while one can wait."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sfp_keras.data.label_order import shorten
from sfp_keras.data.sources import unknown_dataset
from sfp_keras.data.tfds_names import tfds_names
from sfp_keras.errors import InputError, first_line
from sfp_keras.files import meant
from sfp_keras.reachability import first_unreachable_host

# name, name/config, name:version, name/config:version; community namespaces need the network.
_NAME = re.compile(r"(?P<base>\w+)(/(?P<config>[\w.+-]+))?(:(?P<version>\d+\.\d+\.\d+))?")


def open_builder(name: str, data_dir: str | Path | None = None) -> Any:
    """Return the builder of a prepared data set.

    What is prepared under `data_dir` is used, in the version that is there. Otherwise it is
    prepared there now: from archives in `downloads/manual/`, `manual/` or `data_dir` itself, or
    by a download, which is only begun if its hosts answer within seconds.

    Args:
        name: `str`, such as `"mnist"` or `"name/config:1.0.0"`.
        data_dir: `str` or `Path`: where tensorflow-datasets keeps its data, or the folder of the
            prepared set itself. Default: `$TFDS_DATA_DIR` or `~/tensorflow_datasets`.

    Returns:
        A `tfds.core.DatasetBuilder` that is prepared.

    Raises:
        InputError: if the name is unknown or no image classification, there is no network, or
            preparing it fails.
    """
    base, root, folder = _place(name, data_dir)
    tfds = _import_tfds(name)
    if folder is not None:
        try:
            builder = tfds.builder_from_directory(folder)
        except Exception as error:  # a damaged file may raise anything
            raise InputError(
                f"{folder} is damaged ({first_line(error)}); prepare it again"
            ) from None
        if builder.name != base:
            raise InputError(f"`data_dir`={folder} holds {builder.name}, not {name}")
        return builder
    try:
        builder = tfds.builder(name, data_dir=root)
    except tfds.core.DatasetNotFoundError:
        raise unknown_dataset(name, tfds.list_builders(with_community_datasets=False)) from None
    except Exception as error:  # an unknown config or version, or a missing package
        raise InputError(f"`name`={name} cannot be opened: {first_line(error)}") from None
    image_and_label(builder, name)  # no download of what cannot be used
    _prepare(tfds, builder, name, root)
    return builder


def check_tfds_name(name: str, data_dir: str | Path | None = None) -> None:
    """Refuse a name that tensorflow-datasets does not have, without importing it.

    Args:
        name: `str`.
        data_dir: `str` or `Path`. As in `open_builder`.

    Raises:
        InputError: if neither a prepared set nor one that can be prepared has the name.
    """
    base, _, folder = _place(name, data_dir)
    known = tfds_names()
    # Where the package is missing or is laid out in another way, opening the set tells.
    if folder is None and known and base not in known:
        raise unknown_dataset(name, known)


def _place(name: str, data_dir: str | Path | None) -> tuple[str, Path, Path | None]:
    """A name without its configuration, where the data is kept, and what is prepared there."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise unknown_dataset(name)
    if data_dir is not None and not Path(data_dir).is_dir():
        raise InputError(f"`data_dir`={data_dir} does not exist or is no folder{meant(data_dir)}")
    root = Path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")
    root = root.expanduser()
    return (
        match["base"],
        root,
        _find_prepared(root, match["base"], match["config"], match["version"]),
    )


def image_and_label(builder: Any, name: str) -> tuple[str, str]:
    """Return the keys of the one image and the one integer label of each example.

    Args:
        builder: `tfds.core.DatasetBuilder`, prepared or not.
        name: `str`, for the error.

    Returns:
        `(image_key, label_key)`.

    Raises:
        InputError: if there is none of either, or several and no supervised pair.
    """
    import tensorflow_datasets as tfds

    features = builder.info.features
    entries = dict(features.items()) if hasattr(features, "items") else {}
    images = [k for k, f in entries.items() if isinstance(f, tfds.features.Image)]
    labels = [k for k, f in entries.items() if isinstance(f, tfds.features.ClassLabel)]
    # Of several, those that tensorflow-datasets itself calls input and target.
    supervised = builder.info.supervised_keys or ()
    images = [k for k in images if k in supervised] or images
    labels = [k for k in labels if k in supervised] or labels
    if len(images) != 1 or len(labels) != 1:
        raise InputError(
            f"`name`={name} is no image classification: its examples have not one image and "
            "one class label each"
        )
    return images[0], labels[0]


def _import_tfds(name: str) -> Any:
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise InputError(
            f"`name`={name} needs tensorflow-datasets, which cannot be imported ({error}); "
            "pip install tensorflow tensorflow-datasets importlib_resources"
        ) from None
    return tfds


def _find_prepared(root: Path, base: str, config: str | None, version: str | None) -> Path | None:
    """Find the folder with a set's dataset_info.json, the newest version of several."""
    if (root / "dataset_info.json").is_file():
        return root
    here = root if root.name == base else root / base
    wanted = f"{config or '*'}/{version or '*'}/dataset_info.json"
    found = [path.parent for path in here.glob(wanted)]
    if config is None:
        found += [path.parent for path in here.glob(f"{version or '*'}/dataset_info.json")]
    parents = sorted({folder.parent for folder in found})
    if len(parents) > 1:
        raise InputError(
            f"`name`={base} is prepared in several configurations under {here}; say which: "
            + shorten([f"{base}/{folder.name}" for folder in parents])
        )
    return max(
        found, key=lambda folder: [int(n) for n in re.findall(r"\d+", folder.name)], default=None
    )


def _prepare(tfds: Any, builder: Any, name: str, root: Path) -> None:
    urls = builder.url_infos or {}
    places = (root / "downloads" / "manual", root / "manual", root)
    archives = {info.filename for info in urls.values() if info.filename}
    manual = next((p for p in places if any((p / a).is_file() for a in archives)), places[0])
    downloads = root / "downloads"
    local = manual is not places[0] or downloads.is_dir()
    host = first_unreachable_host(urls)
    no_network = InputError(
        f"no network ({host} does not answer) and {name} is not under `data_dir` ({root}); "
        "give a `data_dir` with the publisher's files, or where "
        f"`tfds build {name} --data_dir=<folder>` has prepared it"
    )
    if host is not None and not local:
        raise no_network
    config = tfds.download.DownloadConfig(manual_dir=manual)
    try:
        with contextlib.nullcontext() if host is None else _downloads_fail():
            builder.download_and_prepare(download_dir=downloads, download_config=config)
    except _NoNetworkError:
        raise no_network from None
    except Exception as error:  # builders raise anything
        raise InputError(f"{name} cannot be prepared under {root}: {first_line(error)}") from None


class _NoNetworkError(Exception):
    pass


@contextlib.contextmanager
def _downloads_fail() -> Iterator[None]:
    """Let downloads fail at once: without a network tensorflow-datasets retries for minutes."""
    import requests

    def fail(*_: Any, **__: Any) -> Any:
        raise _NoNetworkError

    original = requests.Session.request
    requests.Session.request = fail  # type: ignore[method-assign]
    try:
        yield
    finally:
        requests.Session.request = original  # type: ignore[method-assign]
