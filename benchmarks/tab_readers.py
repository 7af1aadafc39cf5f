"""The tab's server under many readers at once: how long each waits for a large stage.

    python benchmarks/tab_readers.py [--readers=32] [--filters=1280] [--labels=1000]

A made-up log of one stage and TensorBoard with its fast loader. Readers ask at the same moment,
each at a threshold that nobody asked for before, then all at one threshold: for every filter's
columns, for the gallery's first page (columns, then 40 thumbnails), for the table of stages and
for that of labels. Seconds until the answer is there, median and slowest, and the server's
processor seconds, which do not depend on what else runs. Beside them the clusters at one
threshold, in this process. Takes a minute on 2 idle cores.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from serving import last_measurement, serving

from sfp_keras.filters import find_clusters
from tb_plugin.demo import DemoStage, make_fields, write_demo

PAGE = 40


def routes_of(filters: int) -> dict[str, list[str]]:
    """What a reader asks for one after another, by what it is called."""
    page = "thumbnails?filters=" + ",".join(map(str, range(min(PAGE, filters))))
    return {
        "all filters' columns": ["filters?"],
        "gallery": ["filters?", page],
        "stages": ["stages?"],
        "labels": ["labels?"],
    }


def waits(base: str, asked: list[list[str]]) -> list[float]:
    """Seconds each reader waits for its answers, all beginning together."""
    start = threading.Barrier(len(asked))
    seconds = [0.0] * len(asked)

    def read(number: int) -> None:
        start.wait()
        begin = time.perf_counter()
        for route in asked[number]:
            with urllib.request.urlopen(base + route) as answer:
                answer.read()
        seconds[number] = time.perf_counter() - begin

    threads = [threading.Thread(target=read, args=(number,)) for number in range(len(asked))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seconds


def processor_seconds(pid: int) -> float:
    """What a process has taken of the processors so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readers", type=int, default=32)
    parser.add_argument("--filters", type=int, default=1280)
    parser.add_argument("--labels", type=int, default=1000)
    parser.add_argument("--only", help="one row: all filters' columns, gallery, stages or labels")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_demo(Path(folder), filters=options.filters, labels=options.labels)
        with serving(Path(folder)) as (process, server):
            base = f"{server}data/plugin/clusters/"
            stage_asked = f"&{last_measurement(server)}"
            with urllib.request.urlopen(f"{base}filters?{stage_asked}&threshold=0.2") as answer:
                answer.read()  # The log is read once.
            print(f"{options.readers} readers, F = {options.filters}, K = {options.labels}\n")
            print("| asked for | thresholds | median, s | slowest, s | processor, s |")
            print("|---|---|--:|--:|--:|")
            for number, (name, routes) in enumerate(routes_of(options.filters).items()):
                if options.only not in (None, name):
                    continue
                for kind in ("each its own", "one for all"):
                    same = [options.readers] * options.readers
                    own = same if kind == "one for all" else range(options.readers)
                    thresholds = [f"{0.3 + number / 20 + place / 1000:.4f}" for place in own]
                    asked = [
                        [f"{route}{stage_asked}&threshold={threshold}" for route in routes]
                        for threshold in thresholds
                    ]
                    before = processor_seconds(process.pid)
                    seconds = waits(base, asked)
                    took = processor_seconds(process.pid) - before
                    print(
                        f"| {name} | {kind} | {statistics.median(seconds):.2f} | "
                        f"{max(seconds):.2f} | {took:.2f} |",
                        flush=True,
                    )
    made = DemoStage("stage9", 0, options.filters, 1, 0.06, 0.78)
    fields = make_fields(made, options.labels, 1.0, 0)
    begin = time.perf_counter()
    find_clusters(fields, 0.3)
    alone = time.perf_counter() - begin
    print(f"\nClusters of all filters at one threshold, alone: {alone:.2f} s")


if __name__ == "__main__":
    main()
