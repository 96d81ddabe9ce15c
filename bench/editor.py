"""Large workflows in the editor: how soon they can be worked on, and how smoothly they are moved.

    python -m bench.editor --nodes 200 1000

A dev server of its own, and the Chromium on PATH at 1440x900 with software rendering. A workflow can be worked on when
a click on its first step has opened the panel. Frames are counted by the page itself while the mouse drags a step at
full size, and while it moves the whole graph in view. Prints one JSON object for each size; needs ``web/dist``.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from scripts.chromium import find_chromium
from workflowkit.cli.client import ApiClient

_COLUMNS = 14
_APART = (280, 140)
_PATIENCE_MS = 30_000
_DRAG_STEPS = 90
#: Counts frames, and the longest time between two, until it is asked.
_COUNT = """() => {
    const times = [];
    let going = true;
    const tick = (now) => { times.push(now); if (going) requestAnimationFrame(tick); };
    requestAnimationFrame(tick);
    window.framesCounted = () => {
        going = false;
        const gaps = times.slice(1).map((time, index) => time - times[index]);
        const seconds = (times.at(-1) - times[0]) / 1000;
        return {fps: Math.round(gaps.length / seconds), longest_ms: Math.round(Math.max(...gaps))};
    };
}"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.editor", description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    chromium = find_chromium()
    if chromium is None:
        print("there is no Chromium on PATH")
        return 1
    with tempfile.TemporaryDirectory() as home, _a_server(Path(home)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        for count in options.nodes:
            with closing(ApiClient(url)) as client:
                client.post("/api/workflows", {"id": f"large-{count}", "document": _a_tree(count)})
            print(json.dumps(_measure(browser, f"{url}/workflows/large-{count}", count, options.rounds)), flush=True)
        browser.close()
    return 0


def _measure(browser: Browser, address: str, count: int, rounds: int) -> dict[str, Any]:
    """Open the workflow anew in each round; the figures are of the round in the middle."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(_PATIENCE_MS)
    seconds = [_opened(page, address) for _ in range(rounds)]
    dragging = [_frames(page, page.get_by_test_id("node-n0")) for _ in range(rounds)]
    page.get_by_test_id("fit").click()
    ground = page.locator(".react-flow__pane")
    moving = [_frames(page, ground, in_corner=True) for _ in range(rounds)]
    page.close()
    return {
        "nodes": count,
        "interactive_seconds": round(median(seconds), 2),
        "drag_fps": median(frames["fps"] for frames in dragging),
        "drag_longest_frame_ms": median(frames["longest_ms"] for frames in dragging),
        "whole_graph_pan_fps": median(frames["fps"] for frames in moving),
    }


def _opened(page: Page, address: str) -> float:
    page.goto("about:blank")
    start = time.perf_counter()
    page.goto(address)
    page.get_by_test_id("node-n0").click()
    page.get_by_test_id("step-id").wait_for()
    taken = time.perf_counter() - start
    page.keyboard.press("Escape")
    page.get_by_test_id("config").wait_for(state="detached")
    return taken


def _frames(page: Page, what: Locator, *, in_corner: bool = False) -> dict[str, int]:
    """Drag something to and fro; return what the page has counted meanwhile."""
    box = what.bounding_box()
    assert box is not None
    x, y = (box["x"] + 30, box["y"] + 30) if in_corner else (box["x"] + 120, box["y"] + 30)
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(_COUNT)
    for step in range(_DRAG_STEPS):
        aside = step if step < _DRAG_STEPS / 2 else _DRAG_STEPS - step
        page.mouse.move(x + 3 * aside, y + aside)
    frames: dict[str, int] = page.evaluate("window.framesCounted()")
    page.mouse.move(x, y)
    page.mouse.up()
    return frames


def _a_tree(count: int) -> dict[str, Any]:
    actions = [{"id": f"n{number}", "kind": "log", "inputs": {"message": str(number)}} for number in range(count)]
    edges = [{"from": f"n{(number - 1) // 2}", "to": f"n{number}"} for number in range(1, count)]
    right, down = _APART
    places = {
        f"n{number}": {"x": number % _COLUMNS * right, "y": down + number // _COLUMNS * down} for number in range(count)
    }
    return {
        "name": f"{count} steps",
        "triggers": [{"event": "bench/large"}],
        "actions": actions,
        "edges": [{"from": "$source", "to": "n0"}, *edges],
        "metadata": {"ui": {"positions": {"$source": {"x": 0, "y": 0}, **places}}},
    }


@contextmanager
def _a_server(home: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "workflowkit", "dev", "--port", "0"]
    process = subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    with process.stdout:
        try:
            yield next(found[0] for line in process.stdout if (found := re.search(r"http://[\d.]+:\d+", line)))
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
