"""Pictures of the tab's views for the documentation, light and dark.

    python tests/tb_plugin/screenshots.py LOGDIR docs/images

Opens the log in a real TensorBoard and headless Chromium and writes `tab-<view>-<theme>.png`.
Takes 25 seconds.
"""

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from real_tab import chromium, settle, tab_address, tab_frame, tensorboard

VIEWS = ("stages", "curves", "gallery", "filter", "labels", "compare", "following")


def main() -> None:
    """Read the command line and take the pictures."""
    parser = argparse.ArgumentParser(description="Take pictures of the tab's views.")
    parser.add_argument("logdir", type=Path)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--size", default="1280x800", help="width and height (1280x800)")
    parser.add_argument("--run", help="the run shown; default as the tab chooses")
    parser.add_argument("--curves_run", help="the run with several steps")
    parser.add_argument("--stage", help="the stage shown; default the last")
    parser.add_argument("--filter", help="the filter shown; default that of least noise")
    flags = parser.parse_args()
    width, height = map(int, flags.size.split("x"))
    flags.folder.mkdir(parents=True, exist_ok=True)
    asked = {key: getattr(flags, key) for key in ("run", "stage", "filter")}
    chosen = {key: value for key, value in asked.items() if value is not None}
    with (
        tempfile.TemporaryDirectory() as scratch,
        tensorboard(flags.logdir, Path(scratch) / "messages") as base,
        sync_playwright() as playwright,
        chromium(playwright) as browser,
    ):
        for theme in ("light", "dark"):
            page = browser.new_page(viewport={"width": width, "height": height})
            for view in VIEWS:
                state = {**chosen, "view": view}
                if view in ("curves", "following") and flags.curves_run:
                    state = {"view": view, "run": flags.curves_run}
                elif view not in ("filter", "compare", "following"):
                    state.pop("filter", None)
                page.goto("about:blank")
                page.goto(tab_address(base, **state))
                frame = tab_frame(page)
                # As the user does: TensorBoard's own switch, which the tab follows.
                page.evaluate(
                    "(dark) => document.body.classList.toggle('dark-mode', dark)", theme == "dark"
                )
                settle(frame)
                page.wait_for_timeout(300)
                path = flags.folder / f"tab-{view}-{theme}.png"
                page.screenshot(path=path)
                print(f"wrote {path}")
            page.close()


if __name__ == "__main__":
    main()
