"""The tab's server: what each of its routes takes, and what of that is TensorBoard or the science.

    python benchmarks/tab_server.py [--filters=512] [--labels=100]

A made-up log of one stage, TensorBoard with its fast loader, requests one after another: the first
at a new threshold, which computes, and the same again. Medians. Beside them a request of
TensorBoard's own and, in this process, the same clusters and statistics alone. Takes about half a
minute.
"""

import argparse
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path

from serving import last_measurement, serving
from timing import fastest

from sfp_keras.filters import find_clusters, label_statistics, layer_statistics
from tb_plugin.demo import DemoStage, make_fields, write_demo

THRESHOLDS = (0.31, 0.35, 0.4, 0.45, 0.5)


def routes_of(filters: int) -> dict[str, str]:
    """Requests by what they ask for, of a stage of so many filters."""
    some = range(min(40, filters))
    return {
        "runs": "runs",
        f"thumbnails of {len(some)} filters": "thumbnails?filters=" + ",".join(map(str, some)),
        "all filters' columns": "filters?",
        "one filter": f"filter?filter={some[min(7, len(some) - 1)]}",
        "stages": "stages?",
        "labels": "labels?",
    }


def seconds_of(address: str) -> tuple[float, int]:
    """Seconds and bytes of one request."""
    start = time.perf_counter()
    with urllib.request.urlopen(address) as answer:
        size = len(answer.read())
    return time.perf_counter() - start, size


def median_ms(seconds: list[float]) -> float:
    return 1000 * statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--filters", type=int, default=512)
    parser.add_argument("--labels", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_demo(Path(folder), filters=options.filters, labels=options.labels)
        with serving(Path(folder)) as (_, base):
            routes = f"{base}data/plugin/clusters/"
            place = last_measurement(base)
            own = [seconds_of(f"{base}data/plugin/scalars/tags")[0] for _ in range(9)]
            print(f"F = {options.filters}, K = {options.labels}, one position\n")
            print("| request | first time, ms | again, ms | kB |\n|---|--:|--:|--:|")
            print(f"| TensorBoard's own list of scalars | | {median_ms(own):.0f} | |")
            asked = routes_of(options.filters)
            for name, route in asked.items():
                sign = "&" if "?" in route else "?"
                first, again, size = [], [], 0
                # Each threshold is new to this route; what other routes kept of it may serve.
                for number, threshold in enumerate(THRESHOLDS):
                    value = threshold + list(asked).index(name) / 1000
                    address = f"{routes}{route}{sign}{place}&threshold={value:.3f}"
                    if route == "runs":
                        address = f"{routes}runs"
                    took, size = seconds_of(address)
                    if number:  # The very first also reads the log.
                        first.append(took)
                    again.append(seconds_of(address)[0])
                print(
                    f"| {name} | {median_ms(first):.0f} | {median_ms(again):.0f} | "
                    f"{size / 1000:.0f} |",
                    flush=True,
                )
    made = DemoStage("stage9", 0, options.filters, 1, 0.06, 0.78)
    fields = make_fields(made, options.labels, 1.0, 0)
    clusters = find_clusters(fields)
    took = fastest(
        {
            "clusters of all filters": lambda: find_clusters(fields),
            "a layer's row": lambda: layer_statistics(clusters),
            "labels' rows": lambda: label_statistics(clusters, fields),
        },
        3,
    )
    print("\n| the science alone | ms |\n|---|--:|")
    for name, seconds in took.items():
        print(f"| {name} | {1000 * seconds:.0f} |")


if __name__ == "__main__":
    main()
