"""What the heads will take, printed before the work; refused where it cannot fit."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from sfp_keras.distribution import current_devices
from sfp_keras.errors import InputError
from sfp_keras.probing.features import cache_bytes
from sfp_keras.reports import terminal
from sfp_keras.settings import ProbeSettings


def check_memory(
    settings: ProbeSettings,
    kept: Mapping[str, int],
    inputs: Mapping[str, int],
    rows: int,
    num_labels: int,
) -> None:
    """Print the estimate of features and heads, and refuse heads that fit no memory.

    Args:
        settings: `ProbeSettings`.
        kept: numbers of each stage that are kept of an image, by the stage's name.
        inputs: inputs of each stage's head, fewer where a pooling is trained with it.
        rows: `int`. Images whose stage outputs are kept.
        num_labels: `int`. K, times the heads of each stage.

    Raises:
        InputError: if the heads with momentum and gradients exceed the memory that is free.
    """
    features = cache_bytes(kept, rows, settings.cache_dtype)
    # Weights, momentum and gradient of every head, in float32.
    heads = 3 * 4 * sum(inputs.values()) * num_labels
    in_memory = features <= settings.cache_gib * 2**30
    place = "in memory" if in_memory else f"on disk, more than cache_gib={settings.cache_gib:g}"
    versions = settings.kept_versions
    several = f" ({versions} versions of each training image)" if versions > 1 else ""
    terminal().print(
        f"features of {rows:,} images{several}: {_size(features)} as {settings.cache_dtype} "
        f"({place}); heads: {_size(heads)}"
    )
    # A device that cannot read them in place has a copy, which may be in this memory too.
    copies = 1 if current_devices().reads_in_place else 2
    needed = heads + (copies * features if in_memory else 0)
    free = available_memory()
    if needed > 0.9 * free:
        largest = max(kept, key=lambda name: kept[name])
        fewer = "train fewer `head_seeds`, " if settings.seeds > 1 else ""
        fewer += "keep fewer `head_versions`, " if settings.kept_versions > 1 else ""
        raise InputError(
            f"heads and features need {_size(needed)}, {_size(free)} of memory are free: {fewer}"
            f"probe fewer `stages` (largest: {largest}, {kept[largest]:,} inputs), `pool` them, or "
            "lower `cache_gib`"
        )


def check_features(kept: Mapping[str, int], rows: int, dtype: str, cache_gib: float) -> None:
    """Refuse outputs that are to be held in memory, where there is too little of it.

    Args:
        kept: numbers of each stage that are kept of an image, by the stage's name.
        rows: `int`. Images.
        dtype: `str`. Of the numbers.
        cache_gib: `float`. Above it they are files.

    Raises:
        InputError: if they fit `cache_gib`, and not the memory that is free.
    """
    needed, free = cache_bytes(kept, rows, dtype), available_memory()
    if 0.9 * free < needed <= cache_gib * 2**30:
        raise InputError(
            f"the outputs of {', '.join(kept)} need {_size(needed)}, {_size(free)} of memory are "
            "free: lower `cache_gib`, above which they are files"
        )


def available_memory(root: Path = Path("/")) -> int:
    """Bytes this process may still take: the machine's free memory, or what its cgroup allows.

    Args:
        root: `Path`. Where `proc` and `sys` are.
    """
    return min([_free_of_machine(root / "proc/meminfo"), *_free_of_cgroups(root)])


def _free_of_machine(meminfo: Path) -> int:
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _free_of_cgroups(root: Path) -> Iterator[int]:
    """What each cgroup of this process, and each one around it, leaves free."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # version 2
            top, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            top = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        group = top / path.strip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(top):
                yield from _free_of_cgroup(folder, *names)


def _free_of_cgroup(folder: Path, limit: str, usage: str, inactive: str) -> Iterator[int]:
    try:
        allowed, used = int((folder / limit).read_text()), int((folder / usage).read_text())
        statistics = dict(
            line.split() for line in (folder / "memory.stat").read_text().splitlines()
        )
    except (OSError, ValueError):  # no such group, or "max"
        return
    # Files that were read stay in memory only while nobody needs it.
    yield allowed - used + int(statistics.get(inactive, 0))


def _size(count: int) -> str:
    if count < 2**20:
        return f"{count / 2**10:.0f} KiB"
    return f"{count / 2**20:.0f} MiB" if count < 2**30 else f"{count / 2**30:.1f} GiB"
