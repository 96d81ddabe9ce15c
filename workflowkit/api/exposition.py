"""The numbers of an installation as text that monitoring systems scrape: Prometheus's format, and OpenMetrics.

Importing this costs a fifth of a second: do it where somebody scrapes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from workflowkit import __version__
from workflowkit.runtime.metrics import Numbers
from workflowkit.store.gauges import Gauges
from workflowkit.store.totals import DURATION_BOUNDS_MS, RunCount

#: Stands for all workflows, and tenants, that are not named.
OTHER: Final = "other"
ENDS: Final = ("completed", "failed", "cancelled")
OPEN: Final = ("scheduled", "queued", "running", "waiting")
STEP_STATES: Final = ("due", "running", "sleeping", "waiting", "retrying", "scheduled", "limited")

Labels = tuple[str, ...]
_Family = TypeVar("_Family", GaugeMetricFamily, CounterMetricFamily)


class _Collected:
    """What the library's writers want: something that has metrics."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def expose(numbers: Numbers, *, is_openmetrics: bool = False) -> tuple[bytes, str]:
    """Return the text and its content type."""
    write: Callable[[_Collected], bytes] = generate_latest
    content_type = CONTENT_TYPE_PLAIN_0_0_4
    if is_openmetrics:
        write, content_type = openmetrics.generate_latest, openmetrics.CONTENT_TYPE_LATEST
    return write(_Collected(list(_metrics(numbers)))), content_type


def _metrics(numbers: Numbers) -> Iterator[Metric]:
    yield InfoMetricFamily(
        "workflowkit", "The installation.",
        {"version": __version__, "database": "postgresql" if numbers.is_postgresql else "sqlite"},
    )  # fmt: skip
    yield _gauge("workflowkit_scrape_seconds", "How long it took to read these numbers.", [((), numbers.seconds)])
    yield from _of_runs(_grouped(numbers), ("environment", "tenant", "workflow")[:: 1 if numbers.tells_tenants else 2])
    yield from _of_steps(numbers.gauges)
    yield from _of_what_waits(numbers.gauges)
    yield from _of_workers(numbers.gauges)


def _grouped(numbers: Numbers) -> dict[Labels, list[RunCount]]:
    grouped: dict[Labels, list[RunCount]] = defaultdict(list)
    for run in numbers.runs:
        named = (run.environment or OTHER, run.tenant or OTHER, run.workflow_id or OTHER)
        grouped[named if numbers.tells_tenants else named[::2]].append(run)
    return dict(sorted(grouped.items()))


def _of_runs(groups: dict[Labels, list[RunCount]], names: Sequence[str]) -> Iterator[Metric]:
    def counted(chosen: Callable[[RunCount], bool]) -> Iterator[tuple[Labels, float]]:
        for labels, runs in groups.items():
            yield labels, sum(run.run_count for run in runs if chosen(run))

    def by_status(statuses: Iterable[str]) -> Iterator[tuple[Labels, float]]:
        for status in statuses:
            for labels, number in counted(lambda run, status=status: run.status == status):  # type: ignore[misc]
                yield (*labels, status), number

    yield _counter("workflowkit_runs_created", "Runs that came to be.", counted(lambda run: True), names)
    yield _counter("workflowkit_runs_started", "Runs that have started.", counted(lambda run: run.has_started), names)
    yield _counter("workflowkit_runs_ended", "Runs that have ended.", by_status(ENDS), (*names, "status"))
    yield _gauge("workflowkit_runs", "Runs that have not ended.", by_status(OPEN), (*names, "status"))
    frozen = ((labels, sum(run.frozen_count for run in runs)) for labels, runs in groups.items())
    yield _gauge("workflowkit_runs_frozen", "Runs that a pause keeps from going on.", frozen, names)
    ended = {labels: [run for run in runs if _has_run(run)] for labels, runs in groups.items()}
    yield _durations(ended, names)
    yield _delays(ended, names)


def _has_run(run: RunCount) -> bool:
    return run.status in ENDS and run.has_started


def _durations(ended: dict[Labels, list[RunCount]], names: Sequence[str]) -> Metric:
    family = HistogramMetricFamily(
        "workflowkit_run_duration_seconds", "From the start of runs to their end.", labels=names
    )
    for labels, runs in ended.items():
        buckets = [
            (str(bound / 1000), float(sum(run.run_count for run in runs if run.within_ms <= bound)))
            for bound in DURATION_BOUNDS_MS
        ]
        buckets.append(("+Inf", sum(run.run_count for run in runs)))
        family.add_metric(labels, buckets, sum(run.duration_ms for run in runs) / 1000)
    return family


def _delays(ended: dict[Labels, list[RunCount]], names: Sequence[str]) -> Metric:
    family = SummaryMetricFamily(
        "workflowkit_run_delay_seconds", "How long runs that have ended had waited to start.", labels=names
    )
    for labels, runs in ended.items():
        family.add_metric(
            labels, sum(run.run_count for run in runs), sum(run.delay_ms for run in runs) / 1000
        )  # fmt: skip
    return family


def _of_steps(gauges: Gauges) -> Iterator[Metric]:
    counts = {(each.queue, each.state): each.count for each in gauges.steps}
    queues = sorted({each.queue for each in gauges.steps})
    steps = [((queue, state), counts.get((queue, state), 0)) for queue in queues for state in STEP_STATES]
    yield _gauge("workflowkit_steps", "Steps that have not ended.", steps, ("queue", "state"))
    oldest = [((queue,), _age(gauges, since_ms)) for queue, since_ms in sorted(gauges.due_since_ms.items())]
    text = "How long the first step has waited that a worker could take."
    yield _gauge("workflowkit_steps_due_oldest_seconds", text, oldest, ("queue",))
    limits = gauges.limits
    for name, text, value in (
        ("limits_waited_for", "Limits at which steps wait.", limits.waited_for),
        ("limits_reached", "Those of them that are reached.", limits.reached),
        ("limits_slots", "The slots of limits at which steps wait.", limits.slots),
        ("limits_slots_taken", "Those of them that are taken.", limits.taken),
    ):
        yield _gauge(f"workflowkit_{name}", text, [((), value)])


def _of_what_waits(gauges: Gauges) -> Iterator[Metric]:
    for name, text, value in (
        ("events_pending", "Events that were not matched yet.", gauges.pending_events),
        (
            "events_pending_oldest_seconds", "How long the first of them has waited.",
            _age(gauges, gauges.pending_since_ms),
        ),
        (
            "relay_lag_seconds", "How late the relay is with what it should have hinted first.",
            _age(gauges, gauges.late_since_ms),
        ),
        ("alerts_firing", "Alert rules of all tenants that fire.", gauges.alerts_firing),
    ):  # fmt: skip
        yield _gauge(f"workflowkit_{name}", text, [((), value)])


def _of_workers(gauges: Gauges) -> Iterator[Metric]:
    counts = {(each.role, each.state): each for each in gauges.workers}
    named = [(role, state) for role in ("worker", "scheduler") for state in ("alive", "silent")]
    processes = [(key, counts[key].count if key in counts else 0) for key in named]
    yield _gauge("workflowkit_workers", "Processes that work.", processes, ("role", "state"))
    alive = counts.get(("worker", "alive"))
    concurrency, busy = (0, 0) if alive is None else (alive.concurrency, alive.busy_count)
    yield _gauge("workflowkit_worker_concurrency", "Steps that workers take at a time.", [((), concurrency)])
    yield _gauge("workflowkit_worker_busy", "Steps that workers held when they last told.", [((), busy)])


def _age(gauges: Gauges, since_ms: int | None) -> float:
    return 0.0 if since_ms is None else max(0, gauges.now_ms - since_ms) / 1000


def _gauge(
    name: str, text: str, samples: Iterable[tuple[Labels, float]], labels: Sequence[str] = ()
) -> GaugeMetricFamily:
    return _filled(GaugeMetricFamily(name, text, labels=labels), samples)


def _counter(
    name: str, text: str, samples: Iterable[tuple[Labels, float]], labels: Sequence[str]
) -> CounterMetricFamily:
    return _filled(CounterMetricFamily(name, text, labels=labels), samples)


def _filled(family: _Family, samples: Iterable[tuple[Labels, float]]) -> _Family:
    for labels, value in samples:
        family.add_metric(labels, value)
    return family
