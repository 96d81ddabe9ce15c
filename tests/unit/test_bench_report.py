"""The benchmark's result document and its tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import report
from bench.report import Sample

ABOUT = {
    "at": "2026-01-02T03:04:05+00:00",
    "commit": "0123abcd",
    "quick": False,
    "rounds": 3,
    "peers": ["ours", "dbos"],
}


def w1(peer: str, round_number: int, runs_per_second: float, cpu_ms_per_step: float) -> Sample:
    figures = {"runs_per_second": runs_per_second, "cpu_ms_per_step": cpu_ms_per_step}
    return Sample("W1", "burst", peer, round_number, figures)


THREE_ROUNDS = [
    *(w1("ours", n, runs, 2.0) for n, runs in enumerate([200.0, 210.0, 90.0])),
    *(w1("dbos", n, runs, 6.0) for n, runs in enumerate([50.0, 70.0, 60.0])),
]


def ratio(document: dict[str, Any], metric: str) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for entry in document["ratios"] if entry["metric"] == metric)
    return found


def test_a_document_has_the_medians_of_each_peer() -> None:
    document = report.build_document(THREE_ROUNDS, ABOUT)
    medians = {entry["peer"]: entry["figures"]["runs_per_second"] for entry in document["summary"]}
    assert medians == {"ours": 200.0, "dbos": 60.0}


def test_ratios_are_taken_within_a_round_before_their_median() -> None:
    found = ratio(report.build_document(THREE_ROUNDS, ABOUT), "runs_per_second")
    assert found["rounds"] == [4.0, 3.0, 1.5]
    assert (found["median"], found["worst"]) == (3.0, 1.5)


def test_a_ratio_above_one_is_better_for_us_where_less_is_better() -> None:
    assert ratio(report.build_document(THREE_ROUNDS, ABOUT), "cpu_ms_per_step")["median"] == 3.0


def test_a_round_that_only_one_of_the_two_has_is_not_compared() -> None:
    samples = [*THREE_ROUNDS, w1("dbos", 3, 1.0, 6.0)]
    assert len(ratio(report.build_document(samples, ABOUT), "runs_per_second")["rounds"]) == 3


def test_counts_are_shown_but_not_compared() -> None:
    samples = [Sample("W1", "burst", peer, 0, {"commits_per_step": 1.0}) for peer in ("ours", "dbos")]
    document = report.build_document(samples, ABOUT)
    assert document["ratios"] == []
    assert "commits a step" in report.table(document)


@pytest.mark.parametrize(("runs_per_second", "is_met"), [(120.0, True), (119.0, False)])
def test_a_bar_is_met_from_its_ratio_on(runs_per_second: float, is_met: bool) -> None:
    samples = [w1("ours", 0, runs_per_second, 3.0), w1("dbos", 0, 60.0, 6.0)]
    bars = {bar["metric"]: bar["is_met"] for bar in report.build_document(samples, ABOUT)["bars"]}
    assert bars == {"runs_per_second": is_met, "cpu_ms_per_step": True}


def test_a_bar_without_its_peer_is_left_out() -> None:
    assert report.build_document([w1("ours", 0, 1.0, 1.0)], ABOUT)["bars"] == []


def test_the_table_has_a_column_for_each_peer_and_each_advantage() -> None:
    lines = report.table(report.build_document(THREE_ROUNDS, ABOUT)).splitlines()
    assert lines[0] == "| workload | figure | Workflow Kit | DBOS | vs DBOS |"
    assert lines[2] == "| W1 burst | runs/s | 200.0 | 60.0 | 3.0x |"


def test_a_figure_that_a_peer_lacks_leaves_its_cell_empty() -> None:
    samples = [Sample("W5", "single, no match", "ours", 0, {"events_per_second": 900.0})]
    lines = report.table(report.build_document(samples, ABOUT)).splitlines()
    assert lines[2] == "| W5 single, no match | events accepted/s | 900 |  |  |"


def test_cpu_is_also_shown_by_the_role_of_its_process() -> None:
    samples = [Sample("W1", "burst", "ours", 0, {"cpu_ms_per_step_worker": 1.25, "cpu_ms_per_step_redis": 0.5})]
    lines = report.cpu_table(report.build_document(samples, ABOUT)).splitlines()
    assert lines[0] == "| workload | system | CPU | worker | client | web | postgresql | redis |"
    assert lines[2] == "| W1 burst | Workflow Kit | ms a step | 1.25 |  |  |  | 0.50 |"


def test_measurements_under_foreign_load_are_named() -> None:
    samples = [
        Sample("W1", "burst", "ours", 0, {"others_cpu_percent": 12.0, "steal_percent": 9.0}),
        Sample("W1", "burst", "dbos", 0, {"others_cpu_percent": 2.0, "steal_percent": 1.0}),
    ]
    assert report.disturbed(report.build_document(samples, ABOUT)) == ["W1 burst ours: 21 %"]


def test_a_result_is_written_as_json_named_by_day_and_commit(tmp_path: Path) -> None:
    path = report.write_document(report.build_document(THREE_ROUNDS, ABOUT), tmp_path)
    assert path.name == "2026-01-02-0123abcd.json"
    document = json.loads(path.read_text())
    assert document["schema"] == report.SCHEMA_VERSION
    assert set(document) >= {"at", "commit", "peers", "bars", "summary", "ratios", "samples"}
    assert document["samples"][0].keys() == {"workload", "case", "peer", "round", "figures"}


def test_a_quick_result_does_not_take_the_name_of_a_full_one(tmp_path: Path) -> None:
    document = report.build_document(THREE_ROUNDS, {**ABOUT, "quick": True})
    assert report.write_document(document, tmp_path).name == "2026-01-02-0123abcd-quick.json"
