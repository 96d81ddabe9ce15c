"""The dashboard and the page say of metrics what there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import a_workflow
from documentation import names_in, table
from runtimes import a_runtime
from scraping import Scraped, scrape

from workflowkit.api.exposition import STEP_STATES

EXAMPLES = Path(__file__).parents[2] / "examples" / "metrics"
_SERIES = re.compile(r"\b(workflowkit_\w+)(?:\{([^}]*)\})?")
_SUFFIX = re.compile(r"_(bucket|sum|count)$")


@pytest.fixture
def seen(sqlite_url: str) -> Iterator[Scraped]:
    document = (
        a_workflow().action("a", "builtin:wait", {"duration": "1h"}).path("$source", "a").trigger("a/b").document()
    )
    with a_runtime(sqlite_url) as harness:
        harness.deploy(document)
        harness.send("a/b")
        harness.drain()
        harness.skip(3_600)
        harness.send("a/b")
        harness.drain()
        harness.clock.advance(seconds=3_600)  # a step is due
        yield scrape(harness.runtime)


def _labels(seen: Scraped) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, labels in seen.series:
        found.setdefault(name, set()).update(dict(labels))
    return found


def _panels() -> list[dict[str, Any]]:
    dashboard = json.loads((EXAMPLES / "dashboard.json").read_text("utf-8"))
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def test_each_panel_asks_for_series_and_labels_that_exist(seen: Scraped) -> None:
    labels, asked = _labels(seen), set()
    for panel in _panels():
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            text = target["expr"]
            assert text.count("(") == text.count(")")
            for name, matchers in _SERIES.findall(text):
                assert name in labels, f"{panel['title']}: {name}"
                assert {each.partition("=")[0].strip() for each in matchers.split(",") if each} <= labels[name]
                asked.add(name)
            for named in re.findall(r"by \(([^)]*)\)", text):
                ((first, _), *_) = _SERIES.findall(text)
                assert {each.strip() for each in named.split(",")} <= labels[first]
    assert len(asked) > 20


def test_panels_do_not_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in _panels()]
    assert len(ids) == len(set(ids))
    for panel in _panels():
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_the_page_lists_every_metric_with_its_labels(seen: Scraped) -> None:
    listed = {name for row in table("docs/operating.md", "metric") for name in names_in(row[0])}
    assert listed == {_SUFFIX.sub("", name) for name in _labels(seen)} | {"workflowkit_info"}
    (states,) = [row[2] for row in table("docs/operating.md", "metric") if "`workflowkit_steps`" in row[0]]
    assert [name for name in names_in(states) if name in STEP_STATES] == list(STEP_STATES)


def test_prometheus_is_told_a_path_that_exists() -> None:
    text = (EXAMPLES / "prometheus.yml").read_text("utf-8")
    assert "metrics_path: /metrics\n" in text
    assert "--allow metrics:read" in text
