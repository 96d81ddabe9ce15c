"""From samples to a result document: medians, ratios against each peer, tables. Pure, except for writing the file."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Increase when a key of the document changes its meaning or goes away.
SCHEMA_VERSION = 1

OURS = "ours"
TITLES = {
    OURS: "Workflow Kit",
    "celery": "Celery chain, chord",
    "dbos": "DBOS",
    "dbos-queue": "DBOS queue",
    "dbos-single": "DBOS, one process",
}

#: Whose processes they are. DBOS's workers make their own load, so they are also its client.
ROLES = ("worker", "client", "web", "postgresql", "redis")

#: Above this, somebody else's work may have decided a ratio.
DISTURBED_PERCENT = 15.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The figures of one peer in one case of one workload in one round."""

    workload: str
    case: str
    peer: str
    round: int
    figures: Mapping[str, float]

    @property
    def place(self) -> tuple[str, str]:
        return self.workload, self.case


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure worth comparing. ``higher_is_better`` is ``None`` for counts that are shown but not compared."""

    key: str
    label: str
    higher_is_better: bool | None
    digits: int = 1


METRICS = (
    Metric("runs_per_second", "runs/s", True),
    Metric("steps_per_second", "steps/s", None, 0),
    Metric("events_per_second", "events accepted/s", True, 0),
    Metric("settled_per_second", "events done with/s", True, 0),
    Metric("ms_per_step", "ms a step", False, 2),
    Metric("run_ms", "ms a run", False),
    Metric("total_time_ratio", "times as long", None),
    Metric("cpu_ms_per_step", "CPU ms a step", False, 2),
    Metric("cpu_ratio", "times the CPU of the same load without", None, 2),
    Metric("cpu_us_per_event", "CPU µs an event", False, 0),
    Metric("start_p50_ms", "record one and start the next, p50 ms", False, 2),
    Metric("start_p95_ms", "record one and start the next, p95 ms", False, 2),
    Metric("cpu_us_per_start", "CPU µs for that", False, 0),
    Metric("cpu_to_first", "times the CPU of the shortest queue", None, 2),
    Metric("calls_per_run", "calls of the app a run", False, 2),
    Metric("calls_to_least_ratio", "times the calls that the protocol needs", None, 2),
    Metric("commits_per_step", "commits a step (writing)", None, 2),
    Metric("transactions_per_step", "transactions a step (reads too)", None, 2),
    Metric("commits_per_event", "commits an event (writing)", None, 2),
    Metric("messages_per_step", "broker messages a step", None, 2),
    Metric("messages_per_event", "broker messages an event", None, 2),
    Metric("idle_p50_ms", "one at a time, p50 ms", False),
    Metric("idle_p95_ms", "one at a time, p95 ms", False),
    Metric("memory_mb", "memory MB", False, 0),
    Metric("woken", "runs woken", None, 0),
    Metric("wake_p50_ms", "event to end of run, p50 ms", False, 0),
    Metric("wake_p95_ms", "event to end of run, p95 ms", False, 0),
    Metric("worker_growth_mb", "growth of the workers MB", False),
    Metric("late_p50_ms", "late, p50 ms", False, 0),
    Metric("late_p99_ms", "late, p99 ms", False, 0),
    Metric("late_p100_ms", "late, most ms", False, 0),
    Metric("earliest_ms", "the earliest, ms late", None, 0),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """A promise: the median over the rounds of our advantage in one figure is at least ``ratio``."""

    workload: str
    case: str
    metric: str
    peer: str
    ratio: float


BARS = (
    Bar("W1", "burst", "runs_per_second", "dbos", 2.0),
    Bar("W1", "burst", "cpu_ms_per_step", "dbos", 2.0),
    Bar("W1", "burst", "runs_per_second", "celery", 1.5),
    Bar("W1", "idle", "idle_p50_ms", "dbos", 1.0),
    Bar("W1", "idle", "idle_p50_ms", "celery", 1.0),
    Bar("W2", "100 steps", "ms_per_step", "dbos", 3.0),
    Bar("W2", "1000 steps", "ms_per_step", "dbos", 3.0),
    Bar("W3", "100 parallel", "run_ms", "celery", 1.0),
)


def summarise(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Return the medians over the rounds, one entry for each workload, case and peer, in the order of the samples."""
    grouped: dict[tuple[str, str, str], list[Sample]] = {}
    for sample in samples:
        grouped.setdefault((*sample.place, sample.peer), []).append(sample)
    return [
        {
            "workload": workload,
            "case": case,
            "peer": peer,
            "rounds": len(group),
            "figures": {key: statistics.median(values) for key, values in _by_key(group).items()},
        }
        for (workload, case, peer), group in grouped.items()
    ]


def compare(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Return, for each figure and peer, how many times better ours was: in each round, their median and the worst.

    Above 1 is better for us, whichever way the figure points. Only rounds that have both are compared.
    """
    indexed = {(*sample.place, sample.peer, sample.round): sample.figures for sample in samples}
    ratios: dict[tuple[str, str, str, str], list[float]] = {}
    for (workload, case, peer, round_number), theirs in indexed.items():
        ours = indexed.get((workload, case, OURS, round_number))
        if peer == OURS or ours is None:
            continue
        for metric in METRICS:
            ratio = _advantage(metric, ours, theirs)
            if ratio is not None:
                ratios.setdefault((workload, case, metric.key, peer), []).append(ratio)
    return [
        {
            "workload": workload,
            "case": case,
            "metric": metric,
            "peer": peer,
            "median": statistics.median(values),
            "worst": min(values),
            "rounds": values,
        }
        for (workload, case, metric, peer), values in ratios.items()
    ]


def check_bars(ratios: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the bars that could be checked, each with what was reached and whether that is enough."""
    found = {(r["workload"], r["case"], r["metric"], r["peer"]): r["median"] for r in ratios}
    checked = []
    for bar in BARS:
        reached = found.get((bar.workload, bar.case, bar.metric, bar.peer))
        if reached is not None:
            checked.append(
                {
                    "workload": bar.workload,
                    "case": bar.case,
                    "metric": bar.metric,
                    "peer": bar.peer,
                    "wanted": bar.ratio,
                    "reached": reached,
                    "is_met": reached >= bar.ratio,
                }
            )
    return checked


def build_document(samples: Sequence[Sample], about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result document: what ``about`` says, then samples, medians, ratios and bars."""
    ratios = compare(samples)
    return {
        "schema": SCHEMA_VERSION,
        **about,
        "bars": check_bars(ratios),
        "summary": summarise(samples),
        "ratios": ratios,
        "samples": [
            {
                "workload": sample.workload,
                "case": sample.case,
                "peer": sample.peer,
                "round": sample.round,
                "figures": dict(sample.figures),
            }
            for sample in samples
        ],
    }


def write_document(document: Mapping[str, Any], directory: Path) -> Path:
    """Write ``<date>-<commit>.json`` and return its path; a second run of the same day and commit replaces it."""
    directory.mkdir(parents=True, exist_ok=True)
    suffix = "-quick" if document["quick"] else ""
    path = directory / f"{document['at'][:10]}-{document['commit']}{suffix}.json"
    path.write_text(json.dumps(_rounded(document), indent=1) + "\n")
    return path


def table(document: Mapping[str, Any]) -> str:
    """Return the medians as a Markdown table: a row a figure, a column a peer, then our advantage over each."""
    figures: dict[tuple[str, str], dict[str, Mapping[str, float]]] = {}
    for entry in document["summary"]:
        figures.setdefault((entry["workload"], entry["case"]), {})[entry["peer"]] = entry["figures"]
    advantages = {(r["workload"], r["case"], r["metric"], r["peer"]): r["median"] for r in document["ratios"]}
    peers = list(document["peers"])
    others = [peer for peer in peers if peer != OURS and OURS in peers]
    header = ["workload", "figure", *(TITLES[peer] for peer in peers), *(f"vs {TITLES[peer]}" for peer in others)]
    rows = [header, ["---", "---", *["---:"] * (len(header) - 2)]]
    for (workload, case), by_peer in figures.items():
        for metric in METRICS:
            cells = [_number(by_peer.get(peer, {}).get(metric.key), metric.digits) for peer in peers]
            if any(cells):
                ratios = [_ratio(advantages.get((workload, case, metric.key, peer))) for peer in others]
                rows.append([f"{workload} {case}", metric.label, *cells, *ratios])
    return _markdown(rows)


def cpu_table(document: Mapping[str, Any]) -> str:
    """Return whose CPU it was, as a Markdown table: a row a case and peer, a column a role."""
    keys = ("cpu_ms_per_step_", "cpu_us_per_event_")
    rows = []
    for entry in document["summary"]:
        for prefix in keys:
            by_role = {k.removeprefix(prefix): v for k, v in entry["figures"].items() if k.startswith(prefix)}
            if by_role:
                cells = [_number(by_role.get(role), 2 if prefix == keys[0] else 0) for role in ROLES]
                unit = "ms a step" if prefix == keys[0] else "µs an event"
                rows.append([f"{entry['workload']} {entry['case']}", TITLES[entry["peer"]], unit, *cells])
    header = ["workload", "system", "CPU", *ROLES]
    return _markdown([header, ["---", "---", "---", *["---:"] * len(ROLES)], *rows])


def disturbed(document: Mapping[str, Any]) -> list[str]:
    """Return which medians were taken while others used much of the machine."""
    return [
        f"{entry['workload']} {entry['case']} {entry['peer']}: {percent:.0f} %"
        for entry in document["summary"]
        if (percent := entry["figures"].get("others_cpu_percent", 0) + entry["figures"].get("steal_percent", 0))
        > DISTURBED_PERCENT
    ]


def _markdown(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _by_key(group: Iterable[Sample]) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for sample in group:
        for key, value in sample.figures.items():
            values.setdefault(key, []).append(value)
    return values


def _advantage(metric: Metric, ours: Mapping[str, float], theirs: Mapping[str, float]) -> float | None:
    mine, other = ours.get(metric.key), theirs.get(metric.key)
    if metric.higher_is_better is None or not mine or not other:
        return None
    return mine / other if metric.higher_is_better else other / mine


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}x"


def _rounded(value: Any) -> Any:
    """Return the value with its floats cut to four decimals, so that files stay readable."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
