"""The workloads, the same for every peer, and what is computed from each.

W1: runs of three sequential no-op steps, submitted as fast as possible until all are finished; then one at a time.
W2: one run of many sequential no-op steps. W3: a fan-out of no-op steps and a join. W5: events accepted over HTTP while
the workers execute; an event starts a run of one no-op step, or matches nothing. W4: many runs that wait or sleep, some
of which are woken at once. W6: the runs of W1 under each control of flow control, and their cost as a ratio to the same
load without it. W7: how long it takes to start the next of many runs that queue behind a limit. W8: the runs of W1 as a
function of an app of Inngest's SDK of Python, called over HTTP.
"""

from __future__ import annotations

import json
import statistics
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bench.measure import Usage, memory_mb, percentile, transactions
from bench.peers.base import Driver, Intake, Peer, controller_python

_STEPS_PER_RUN = 3
_BULK_EVENTS = 100
_CONNECTIONS = 16
_DRAIN_SECONDS = 300
#: One event wakes one of so many parts of the runs that wait.
_WAKE_GROUPS = 10
_SLEEP_SECONDS = 8.0
_DRAIN_POLL_SECONDS = 0.05
_STARTED_RUNS = 200
_WARM_RUNS = 20
#: The controls that W6 measures.
_CONTROLS = (
    "concurrency", "concurrency_full", "throttle", "rate_limit", "idempotency", "singleton", "batch", "priority",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much work one measurement does. All counts are bounded; nothing runs "for a while"."""

    runs: int
    idle_samples: int
    chain_steps: tuple[int, ...]
    fan_width: int
    fan_repeats: int
    events: int
    waiting_runs: int
    #: Runs under each control; as many half of them are executed before, as every statement is planned anew on each
    #: connection at first.
    controlled_runs: int
    queue_lengths: tuple[int, ...]
    #: Count the transactions that only read as well, in the first round: waits for PostgreSQL's statistics.
    counts_reads: bool

    def chain_repeats(self, steps: int) -> int:
        """Return how often a chain is repeated, so that a short one lasts long enough for the CPU clock's ticks."""
        return max(1, min(10, self.chain_steps[-1] // steps))


FULL = Sizes(1000, 60, (100, 1000), 100, 10, 2000, 10_000, 1000, (1_000, 10_000, 100_000), counts_reads=True)
QUICK = Sizes(30, 10, (10, 50), 20, 3, 100, 100, 200, (1_000, 100_000), counts_reads=False)

Figures = dict[str, float]
Workload = Callable[[Peer, Sizes, int], Iterator[tuple[str, Figures]]]


def run_and_idle(peer: Peer, sizes: Sizes, round_number: int) -> Iterator[tuple[str, Figures]]:
    """W1: throughput and cost of many short runs, then the latency of one."""
    peer.start()
    peer.warm_up()
    steps = _STEPS_PER_RUN * sizes.runs
    counts_reads = sizes.counts_reads and round_number == 0 and "postgresql" in peer.uses
    before = transactions(peer.servers, peer.database) if counts_reads else 0
    with peer.meter() as meter:
        peer.burst(sizes.runs)
    figures = {
        "runs_per_second": sizes.runs / meter.usage.seconds,
        "steps_per_second": steps / meter.usage.seconds,
        **_cost_per_step(meter.usage, steps),
        "memory_mb": memory_mb(peer.roles),
    }
    if counts_reads:
        figures["transactions_per_step"] = (transactions(peer.servers, peer.database) - before) / steps
    yield "burst", figures
    latencies = peer.drivers[0].call("idle", samples=sizes.idle_samples)
    yield "idle", {f"idle_p{p}_ms": 1000 * percentile(latencies, p) for p in (50, 95)}


def long_chains(peer: Peer, sizes: Sizes, _: int) -> Iterator[tuple[str, Figures]]:
    """W2: what a step costs in a long run, and whether that grows with the run's length."""
    peer.start()
    peer.warm_up()
    totals = []
    for steps in sizes.chain_steps:
        repeats = sizes.chain_repeats(steps)
        with peer.meter() as meter:
            seconds = peer.drivers[0].call("chain", steps=steps, repeats=repeats)
        totals.append(statistics.median(seconds))
        figures = {"ms_per_step": 1000 * totals[-1] / steps}
        yield f"{steps} steps", figures | _cost_per_step(meter.usage, steps * repeats)
    yield f"{sizes.chain_steps[-1]} against {sizes.chain_steps[0]} steps", {"total_time_ratio": totals[-1] / totals[0]}


def fan_out(peer: Peer, sizes: Sizes, _: int) -> Iterator[tuple[str, Figures]]:
    """W3: parallel steps, then a join."""
    peer.start()
    peer.warm_up()
    with peer.meter() as meter:
        seconds = peer.drivers[0].call("fan", width=sizes.fan_width, repeats=sizes.fan_repeats)
    figures = {"run_ms": 1000 * statistics.median(seconds)}
    steps = (sizes.fan_width + 1) * sizes.fan_repeats
    yield f"{sizes.fan_width} parallel", figures | _cost_per_step(meter.usage, steps)


def waiting_runs(peer: Peer, sizes: Sizes, _: int) -> Iterator[tuple[str, Figures]]:
    """W4: what runs that wait hold, how soon an event wakes a tenth of them, and how late sleeps end."""
    peer.start()
    peer.warm_up()
    driver = peer.drivers[0]
    before_mb = _worker_mb(peer)
    driver.call("wait", runs=sizes.waiting_runs, groups=_WAKE_GROUPS)
    peer.await_quiet()
    grown_mb = _worker_mb(peer) - before_mb
    with peer.meter() as meter:
        latencies = driver.call("wake", group=0, runs=sizes.waiting_runs // _WAKE_GROUPS)
    figures = {f"wake_p{p}_ms": 1000 * percentile(latencies, p) for p in (50, 95, 99)}
    figures |= {"woken": len(latencies), "worker_growth_mb": grown_mb, **_disturbance(meter.usage)}
    yield f"1 event wakes {sizes.waiting_runs // _WAKE_GROUPS} of {sizes.waiting_runs}", figures
    lateness = driver.call("sleep", runs=sizes.waiting_runs // _WAKE_GROUPS, seconds=_SLEEP_SECONDS)
    late = {f"late_p{p}_ms": 1000 * percentile(lateness, p) for p in (50, 99, 100)}
    yield f"{sizes.waiting_runs // _WAKE_GROUPS} sleeps end", {**late, "earliest_ms": 1000 * min(lateness)}


def _worker_mb(peer: Peer) -> float:
    return memory_mb({"worker": peer.roles["worker"]})


def flow_control(peer: Peer, sizes: Sizes, _: int) -> Iterator[tuple[str, Figures]]:
    """W6: what each control of flow control costs, against the same load without it."""
    peer.start()
    peer.warm_up()
    half = sizes.controlled_runs // 2
    _under(peer, "none", half)
    before = _under(peer, "none", half)[1]
    for control in _CONTROLS:
        _under(peer, control, half)
        runs, usage = _under(peer, control, sizes.controlled_runs)
        after = _under(peer, "none", half)[1]
        # Of as many events without the control, half of them before and half after: machines get slower and faster.
        plain_seconds = before.total_cpu_seconds + after.total_cpu_seconds
        before = after
        figures = {"runs": runs, **_cost_per_step(usage, _STEPS_PER_RUN * runs)}
        yield control, figures | {"cpu_ratio": usage.total_cpu_seconds / plain_seconds}


def _under(peer: Peer, control: str, events: int) -> tuple[int, Usage]:
    """Send events to the workflow under a control; return how many runs that made, and what it cost."""
    peer.await_quiet()
    with peer.meter() as meter:
        runs: int = peer.drivers[0].call("under", control=control, runs=events)
    return runs, meter.usage


def long_queues(peer: Peer, sizes: Sizes, _: int) -> Iterator[tuple[str, Figures]]:
    """W7: what it costs to start the next of the runs that queue behind a limit of 10, by how many there are."""
    peer.start()
    driver, first = peer.drivers[0], 0.0
    for queued in sizes.queue_lengths:
        driver.call("queue", runs=queued)
        driver.call("start_queued", runs=_STARTED_RUNS)  # what is planned and read once
        peer.await_quiet()
        with peer.meter() as meter:
            milliseconds = driver.call("start_queued", runs=_STARTED_RUNS)
        figures = {f"start_p{p}_ms": percentile(milliseconds, p) for p in (50, 95)}
        first = first or meter.usage.total_cpu_seconds
        figures |= {
            "cpu_us_per_start": 1e6 * meter.usage.total_cpu_seconds / _STARTED_RUNS,
            "cpu_to_first": meter.usage.total_cpu_seconds / first,
        }
        yield f"{queued:,} queued", figures | _disturbance(meter.usage)


def events_over_http(peer: Peer, sizes: Sizes, _: int) -> Iterator[tuple[str, Figures]]:
    """W5: how fast events are accepted, and what one costs until everything it started is finished."""
    intake = peer.start_intake()
    peer.warm_up()
    client = peer.spawn_driver("client", "bench.httpload", python=controller_python())
    for matches in (False, True) if peer.has_matching else (True,):
        event = {"name": "bench/chain-1" if matches else "bench/unknown", "data": {"text": "v" * 200}}
        label = "one match" if matches else "no match"
        single = _Load(intake.single_path, event, 1, sizes.events)
        yield f"single, {label}", _accept(peer, client, intake, single)
        bulk = _Load(intake.bulk_path, [event] * _BULK_EVENTS, _BULK_EVENTS, max(1, sizes.events // _BULK_EVENTS))
        yield f"bulk of {_BULK_EVENTS}, {label}", _accept(peer, client, intake, bulk)


def remote_functions(peer: Peer, sizes: Sizes, _: int) -> Iterator[tuple[str, Figures]]:
    """W8: the runs of W1 in an app of Inngest's SDK of Python: throughput, calls over HTTP, and the latency of one."""
    app = peer.start_app()
    driver = peer.drivers[0]
    driver.call("app_burst", runs=_WARM_RUNS)
    peer.await_quiet()
    before = _calls_of(app)
    with peer.meter() as meter:
        driver.call("app_burst", runs=sizes.runs)
    calls = (_calls_of(app) - before) / sizes.runs
    yield (
        "burst",
        {
            "runs_per_second": sizes.runs / meter.usage.seconds,
            **_cost_per_step(meter.usage, _STEPS_PER_RUN * sizes.runs),
            "calls_per_run": calls,
            # One for each step, and one in which the function returns: the protocol does with no less.
            "calls_to_least_ratio": calls / (_STEPS_PER_RUN + 1),
        },
    )
    peer.await_quiet()
    latencies = driver.call("app_idle", samples=sizes.idle_samples)
    yield "idle", {f"idle_p{p}_ms": 1000 * percentile(latencies, p) for p in (50, 95)}


def _calls_of(app: str) -> int:
    with urllib.request.urlopen(f"{app}/calls", timeout=_DRAIN_SECONDS) as answer:
        return int(answer.read())


WORKLOADS: Mapping[str, Workload] = {
    "W1": run_and_idle,
    "W2": long_chains,
    "W3": fan_out,
    "W4": waiting_runs,
    "W5": events_over_http,
    "W6": flow_control,
    "W7": long_queues,
    "W8": remote_functions,
}


@dataclass(frozen=True, slots=True)
class _Load:
    path: str
    body: object
    events_per_request: int
    requests: int

    @property
    def events(self) -> int:
        return self.events_per_request * self.requests


def _accept(peer: Peer, client: Driver, intake: Intake, load: _Load) -> Figures:
    """Post events and wait until all they caused is over; warms up first with the same request."""
    settled = peer.drivers[0].call("settled")
    warm_requests = _CONNECTIONS if load.events_per_request == 1 else 1
    _post(client, intake, load, requests=warm_requests)
    settled += warm_requests * load.events_per_request
    _await_count(peer.drivers[0], settled)
    peer.await_quiet()
    with peer.meter() as meter:
        accepted_seconds = _post(client, intake, load, requests=load.requests)
        _await_count(peer.drivers[0], settled + load.events)
    usage = meter.usage
    return {
        "events_per_second": load.events / accepted_seconds,
        "settled_per_second": load.events / usage.seconds,
        "cpu_us_per_event": 1e6 * usage.total_cpu_seconds / load.events,
        **{f"cpu_us_per_event_{role}": 1e6 * s / load.events for role, s in usage.cpu_seconds.items()},
        "commits_per_event": usage.write_commits / load.events,
        "messages_per_event": usage.messages / load.events,
        **_disturbance(usage),
    }


def _post(client: Driver, intake: Intake, load: _Load, *, requests: int) -> float:
    answer = client.call(
        "load",
        port=intake.port,
        path=load.path,
        headers=dict(intake.headers),
        body=json.dumps(load.body),
        requests=requests,
        connections=_CONNECTIONS,
    )
    if answer["errors"]:
        raise RuntimeError(f"events were refused: {answer['errors']}")
    seconds: float = answer["seconds"]
    return seconds


def _await_count(driver: Driver, events: int) -> None:
    deadline = time.monotonic() + _DRAIN_SECONDS
    while driver.call("settled") < events:
        if time.monotonic() > deadline:
            raise TimeoutError(f"not all of {events} events were settled")
        time.sleep(_DRAIN_POLL_SECONDS)


def _cost_per_step(usage: Usage, steps: int) -> Figures:
    return {
        "cpu_ms_per_step": 1000 * usage.total_cpu_seconds / steps,
        **{f"cpu_ms_per_step_{role}": 1000 * seconds / steps for role, seconds in usage.cpu_seconds.items()},
        "commits_per_step": usage.write_commits / steps,
        "messages_per_step": usage.messages / steps,
        **_disturbance(usage),
    }


def _disturbance(usage: Usage) -> Figures:
    return {"others_cpu_percent": usage.others_cpu_percent, "steal_percent": usage.steal_percent}
