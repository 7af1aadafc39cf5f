"""The tab in a browser: how long a picture, a page, a threshold and a filter take.

    python benchmarks/tab.py LOGDIR STAGE [--filter=7]
    python -m tb_plugin.demo /tmp/demo --filters 1280 --labels 1000     # a made-up large stage
    python benchmarks/tab.py /tmp/demo stage9

Starts TensorBoard on the log, opens the tab in headless Chromium (Debian's `chromium`, or what
playwright installed) and prints milliseconds of single actions, from the action to the frame that
shows its result. Takes about a minute.
"""

import argparse
import json
import shutil
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright
from serving import serving

# Does something, and resolves with the milliseconds until an expression is true in a frame.
UNTIL = """([action, expression]) => new Promise((resolve, reject) => {
  const start = performance.now(), holds = new Function("return " + expression);
  new Function(action)();
  const look = () => {
    let done = false;
    try { done = holds(); } catch { /* not there yet */ }
    if (done) resolve(performance.now() - start);
    else if (performance.now() - start > 60000) reject(new Error("never: " + expression));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""
ANSWERED = "!document.querySelector('[aria-busy=true], .stale:not(.cell)')"
# Every filter in sight is drawn; the one with the focus may be out of sight.
PAGE = """(() => {
  const box = document.querySelector('.gallery-box').getBoundingClientRect();
  const seen = [...document.querySelectorAll('.cell')].filter(cell => {
    const place = cell.getBoundingClientRect();
    return place.bottom > box.top && place.top < box.bottom;
  });
  return seen.length > 8 && seen.every(
    cell => !cell.classList.contains('stale') && !cell.querySelector('canvas.waiting'));
})()"""
MATRICES = "document.querySelectorAll('.matrix canvas').length >= 3"
CHARTS = "document.querySelectorAll('.chart canvas').length >= 6"
LABELS = "document.querySelectorAll('tbody tr').length > 5"
FRAMES = """() => new Promise(resolve => {
  const box = document.querySelector('.gallery-box'), gaps = [];
  let last = performance.now();
  const step = () => {
    const now = performance.now();
    gaps.push(now - last);
    last = now;
    box.scrollTop += 120;
    if (gaps.length < 120) requestAnimationFrame(step);
    else { gaps.sort((a, b) => a - b); resolve([gaps[60], gaps[114]]); }
  };
  requestAnimationFrame(step);
})"""


class Tab:
    """The tab of one TensorBoard in one browser page."""

    def __init__(self, page, base: str, stage: str):
        self.page, self.base, self.stage = page, base, stage

    def open(self, until: str, **state: object) -> float:
        """Open the tab in a state; milliseconds from its frame to the picture."""
        parts = {"stage": self.stage, **state}
        fragment = "&".join(f"p.clusters.{name}={value}" for name, value in parts.items())
        self.page.goto("about:blank")
        self.page.goto(f"{self.base}#clusters&{fragment}", wait_until="commit")
        while not (found := [f for f in self.page.frames if "plugin_entry" in f.url]):
            self.page.wait_for_timeout(5)
        self.frame = found[0]
        self.frame.wait_for_selector("body", state="attached")
        return self.after("", until)

    def after(self, action: str, until: str) -> float:
        """Milliseconds from an action to the frame that shows what it leads to."""
        return self.frame.evaluate(UNTIL, [action, until])

    def threshold(self, value: float, until: str) -> float:
        """Milliseconds from a move of the threshold's slider to what it leads to."""
        move = (
            f"const e = document.querySelector('#threshold'); e.value = {value};"
            " e.dispatchEvent(new Event('input', { bubbles: true }));"
        )
        return self.after(move, f"parent.location.hash.includes('threshold={value}') && {until}")


def measure(tab: Tab, chosen: int) -> dict[str, float]:
    """Milliseconds by what was done."""
    scroll = (
        "const e = document.querySelector('.gallery-box'); e.scrollTop += e.clientHeight + 100;"
    )
    place = "[...document.querySelectorAll('[aria-posinset]')].at(-1).ariaPosInSet"
    found = {"first picture of the gallery": tab.open(PAGE, view="gallery")}
    found["... all filters sorted"] = tab.after("", f"{ANSWERED} && {PAGE}")
    found["scroll by a page"] = tab.after(
        f"window.place = {place}; {scroll}", f"{place} !== window.place && {PAGE}"
    )
    found["new threshold, thumbnails"] = tab.threshold(0.33, PAGE)
    found["... all filters sorted again"] = tab.after("", f"{ANSWERED} && {PAGE}")
    found["a frame while scrolling, median"], found["... 95%"] = tab.frame.evaluate(FRAMES)
    found["open a filter"] = tab.open(MATRICES, view="filter", filter=chosen)
    found["new threshold in a filter"] = tab.threshold(0.21, f"{ANSWERED} && {MATRICES}")
    show = "document.querySelector('#tab-{}').click()".format
    found["layers"] = tab.after(show("layers"), f"{ANSWERED} && {CHARTS}")
    found["layers, new threshold"] = tab.threshold(0.38, f"{ANSWERED} && {CHARTS}")
    found["labels"] = tab.after(show("labels"), f"{ANSWERED} && {LABELS}")
    found["labels, new threshold"] = tab.threshold(0.47, f"{ANSWERED} && {LABELS}")
    return found


def stages_of(base: str) -> list[str]:
    """Names of all stages of the log."""
    with urllib.request.urlopen(f"{base}data/plugin/clusters/runs") as answer:
        runs = json.load(answer)["runs"]
    return sorted({stage["stage"] for run in runs for stage in run["stages"]})


def resident_mb(pid: int) -> float:
    """Memory of a process and its children, in MB."""
    total = 0.0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except OSError:
            continue
        if str(pid) in (fields["Pid"].strip(), fields["PPid"].strip()) and "VmRSS" in fields:
            total += int(fields["VmRSS"].split()[0]) / 1000
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("logdir", type=Path)
    parser.add_argument("stage")
    parser.add_argument("--filter", type=int, default=7)
    options = parser.parse_args()
    with serving(options.logdir) as (process, base), sync_playwright() as playwright:
        # The tab would show another stage instead.
        if options.stage not in (stages := stages_of(base)):
            parser.error(f"the log has no stage {options.stage}, but {', '.join(stages)}")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        found = measure(Tab(page, base, options.stage), options.filter)
        browser.close()
        print("| | ms |\n|---|--:|")
        for name, milliseconds in found.items():
            print(f"| {name} | {milliseconds:,.0f} |")
        print(f"\nserver: {resident_mb(process.pid):,.0f} MB")


if __name__ == "__main__":
    main()
