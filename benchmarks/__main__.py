"""All benchmarks one after another, as one Markdown page with the machine's name.

    python -m benchmarks [names ...] > results.md

Each runs in a process of its own and compares what it compares within one run. All together take
about 45 minutes on 2 idle cores; others' work on the machine distorts the ratios. The last two,
`thousand_labels` and `large_set`, need 4 GiB of memory and 8 GiB in the temporary folder (TMPDIR).
"""

import argparse
import ast
import datetime
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
# From the quickest to the longest.
NAMES = (
    *(
        "fields",
        "compact_head",
        "tab_server",
        "tab_readers",
        "training_step",
        "short_steps",
        "pruned_vgg",
        "fields_pass",
    ),
    *(
        "operations",
        "clusters",
        "exact_zeros",
        "heads_products",
        "heads",
        "settings",
        "onednn",
        "where_time_goes",
    ),
    *("smaller_networks", "thousand_labels", "large_set"),
)


def machine() -> str:
    """Processor, cores, memory, load, versions."""
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        processor = names[0].partition(":")[2].strip() if names else processor
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ("tensorflow", "jax", "keras", "numpy")
    versions = []
    for package in packages:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return (
        f"{datetime.date.today().isoformat()}: {processor}, {os.cpu_count()} cores, {gib:.0f} GiB, "
        f"load {os.getloadavg()[0]:.1f} before; {', '.join(versions)}; backend "
        f"{os.environ.get('KERAS_BACKEND', 'as Keras chooses')}."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=NAMES, metavar="name", help=", ".join(NAMES))
    chosen = parser.parse_args().names
    unknown = set(chosen) - set(NAMES)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    print(f"# Benchmarks\n\n{machine()}\n", flush=True)
    failed = []
    for name in chosen:
        script = FOLDER / f"{name}.py"
        title = str(ast.get_docstring(ast.parse(script.read_text()))).splitlines()[0]
        print(f"## {title}\n\n`python benchmarks/{name}.py`\n", flush=True)
        done = subprocess.run(
            [sys.executable, str(script)],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
        )
        print(done.stdout.strip() + "\n", flush=True)
        if done.returncode:
            failed.append(name)
            print(done.stderr, file=sys.stderr)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
