"""How much memory a process may take, as the system says it."""

from pathlib import Path

import pytest

from sfp_keras.distribution import current_devices
from sfp_keras.errors import InputError
from sfp_keras.settings import ProbeSettings
from sfp_keras.workflows.inputs import memory

MIB = 2**20


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with 1 GiB, of which 700 MiB are free."""
    write(tmp_path, proc__meminfo="MemTotal: 1048576 kB\nMemAvailable:  716800 kB\n")
    return tmp_path


def test_what_is_free_counts_not_what_is_built_in(root: Path) -> None:
    assert memory.available_memory(root) == 700 * MIB


def test_without_any_word_of_the_system_the_machine_counts(tmp_path: Path) -> None:
    assert memory.available_memory(tmp_path) > 0


@pytest.mark.parametrize("group", ["", "pod/box"])
def test_a_limit_of_version_2_counts(group: str, root: Path) -> None:
    write(root, proc__self__cgroup=f"0::/{group}\n")
    folder = root / "sys/fs/cgroup"
    limit, used = 300 * MIB, 200 * MIB
    write(
        folder,
        **{
            "memory.max": str(limit),
            "memory.current": str(used),
            "memory.stat": f"anon 1\ninactive_file {50 * MIB}\n",
        },
    )
    write(folder / "pod/box", **{"memory.max": "max", "memory.current": "1", "memory.stat": ""})
    assert memory.available_memory(root) == 150 * MIB


def test_a_limit_of_version_1_counts(root: Path) -> None:
    write(root, proc__self__cgroup="5:cpuset:/\n4:memory,cpu:/box\n0::/\n")
    write(
        root / "sys/fs/cgroup/memory/box",
        **{
            "memory.limit_in_bytes": str(90 * MIB),
            "memory.usage_in_bytes": str(80 * MIB),
            "memory.stat": f"total_inactive_file {5 * MIB}\n",
        },
    )
    assert memory.available_memory(root) == 15 * MIB


@pytest.mark.parametrize(
    ("dtype", "in_place", "free"),
    [("float16", True, 2.6), ("float16", False, 5.0), ("float32", False, 9.0)],
)
def test_features_count_where_they_are_kept_and_where_the_device_has_a_copy(
    dtype: str, in_place: bool, free: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(current_devices()), "reads_in_place", in_place)
    # 1024 numbers of 1024 images are 2 or 4 MiB; the heads are a few KiB.
    arguments = (ProbeSettings(cache_dtype=dtype), *2 * ({"layer1": 1024},), 1024, 2)
    monkeypatch.setattr(memory, "available_memory", lambda: int(free * MIB))
    memory.check_memory(*arguments)
    monkeypatch.setattr(memory, "available_memory", lambda: int(0.8 * free * MIB))
    with pytest.raises(InputError, match=r"layer1, 1,024 inputs.*`pool`.*`cache_gib`"):
        memory.check_memory(*arguments)


def test_what_is_on_disk_needs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: MIB)
    memory.check_memory(ProbeSettings(cache_gib=0.0), *2 * ({"layer1": 1024},), 1024, 2)


@pytest.mark.parametrize(("seeds", "named"), [(1, False), (100, True)])
def test_many_heads_are_named_where_they_may_be_what_is_too_much(
    seeds: int, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: MIB)
    settings = ProbeSettings(seeds=seeds)
    with pytest.raises(InputError, match="`stages`") as error:
        memory.check_memory(settings, {"a": 1024}, {"a": 1024}, 1024, 10 * seeds)
    assert ("fewer `head_seeds`" in str(error.value)) == named


def test_what_is_held_in_memory_must_fit_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # 1024 numbers of 1024 images are 2 MiB.
    kept, rows = {"layer1": 1024}, 1024
    monkeypatch.setattr(memory, "available_memory", lambda: int(2.5 * MIB))
    memory.check_features(kept, rows, "float16", 4.0)
    monkeypatch.setattr(memory, "available_memory", lambda: 2 * MIB)
    with pytest.raises(InputError, match=r"outputs of layer1 need .*lower `cache_gib`"):
        memory.check_features(kept, rows, "float16", 4.0)
    memory.check_features(kept, rows, "float16", 0.001)
