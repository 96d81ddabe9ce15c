"""What Inngest's server was observed to do with each parameter of a function, and what ours does with that function.

The numbers are those of our notes on the protocol: 0 is what is easily missed, 12 has the controls, 15 batches, 23 the
bounds. A function is read as an app registers it, and its settings are executed by a runtime of ours, on both
databases, with a clock that tests can move.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.limits import DEFAULT_LIMITS, KIB, MIB
from workflowkit.definition.settings.flow import FlowControl
from workflowkit.definition.validate import parse, validate
from workflowkit.engine.context import StepContext
from workflowkit.engine.retry import MAX_DELAY_SECONDS, MIN_DELAY_SECONDS
from workflowkit.engine.states import RunStatus
from workflowkit.engine.waits import MAX_WAIT_SECONDS
from workflowkit.inngest.connect.gateway import HEARTBEAT_SECONDS
from workflowkit.inngest.registration import read_registration
from workflowkit.inngest.views import shown_status
from workflowkit.inngest.watching import WATCH_SECONDS
from workflowkit.registry.spec import DEFAULT_RETRIES
from workflowkit.runtime.publishing import DEFAULT_TTL_SECONDS

EVENT = "go"
HOUR, DAY = 3_600, 86_400
#: What would call the app.
STAND_IN = next(spec for spec in a_registry() if spec.kind == "log")
#: The last seconds of a story that are looked at one by one.
STEADY = 200


def _document(config: dict[str, Any], kind: str = "see") -> dict[str, Any]:
    """Return the document of a function that an app registers, with an action of ours in the place of the app."""
    url = "http://app.example.com/api/inngest"
    step = {"id": "step", "name": "step", "runtime": {"type": "http", "url": f"{url}?fnId=shop-f&stepId=step"}}
    given = {"id": "shop-f", "name": "f", "triggers": [{"event": EVENT}], "steps": {"step": step}} | config
    payload = {"appName": "shop", "url": url, "sdk": "js:v4.24.0", "v": "0.1", "functions": [given]}
    found = read_registration(payload, lambda _: STAND_IN, is_connected=False)
    document = dict(found.functions["shop/f"].document)
    document["actions"] = [{**document["actions"][0], "kind": kind}]
    return document


@dataclass(frozen=True)
class Story:
    """Events of a function, as (second, number, other fields), and what becomes of them.

    ``runs`` are (second, numbers of the events) of each run as it begins; ``skipped`` the reasons and how often.
    ``lasts`` is how long a run sleeps in its one step.
    """

    id: str
    config: dict[str, Any]
    events: list[tuple[int, int] | tuple[int, int, dict[str, Any]]]
    runs: list[tuple[int, list[int]]]
    skipped: dict[str, int] = field(default_factory=dict)
    lasts: int = 0
    cancelled: int = 0


def _with(
    second: int, number: int, ts_s: int | None = None, event_id: str | None = None, **data: Any
) -> tuple[int, int, dict[str, Any]]:
    """Return an event with data, a time in seconds from the beginning, and a sender's id."""
    others = {"ts_s": ts_s, "id": event_id}
    return second, number, {"data": data} | {name: value for name, value in others.items() if value is not None}


RATE = {"limit": 10, "period": "60s"}
STORIES = [
    # limit 10 in 60 s: floor(10 / 10) more than one at once, then one in 6 s
    Story(
        "12.1 rateLimit: burst of limit/10", {"rateLimit": RATE},
        [(0, 1), (0, 2), (0, 3), (5, 4), (6, 5), (7, 6), (12, 7)],
        [(0, [1]), (0, [2]), (6, [5]), (12, [7])], {"rate-limited": 3},
    ),
    Story(
        "12.1 rateLimit: limit below 10", {"rateLimit": {"limit": 6, "period": "60s"}},
        [(0, 1), (0, 2), (9, 3), (10, 4), (19, 5), (20, 6)], [(0, [1]), (10, [4]), (20, [6])], {"rate-limited": 3},
    ),
    Story(
        "12.1 rateLimit: each value of the key", {"rateLimit": {"limit": 1, "period": "60s", "key": "event.data.k"}},
        [_with(0, 1, k="a"), _with(0, 2, k="b"), _with(1, 3, k="a")], [(0, [1]), (0, [2])], {"rate-limited": 1},
    ),
    Story(
        "24 rateLimit: keys have the whole language",
        {"rateLimit": {"limit": 1, "period": "60s", "key": "has(event.data.k) && string(event.data.k) in ['1', '2']"}},
        [_with(0, 1, k=1), _with(1, 2, k="2"), _with(2, 3), _with(3, 4, k=3)],
        [(0, [1]), (2, [3]), (3, [4])], {"rate-limited": 1},
    ),
    Story(
        "12.1 rateLimit: a key that is false is no limit",
        {"rateLimit": {"limit": 1, "period": "60s", "key": "event.data.k == 'a'"}},
        [_with(0, 1, k="b"), _with(0, 2, k="b"), _with(0, 3, k="a"), _with(1, 4, k="a")],
        [(0, [1]), (0, [2]), (0, [3])], {"rate-limited": 1},
    ),
    Story(
        "12.1 rateLimit: batches pass it by",
        {"rateLimit": {"limit": 1, "period": "1h"}, "batchEvents": {"maxSize": 2, "timeout": "60s"}},
        [(0, 1), (0, 2), (1, 3), (1, 4)], [(0, [1, 2]), (1, [3, 4])],
    ),
    Story(
        "12.2 idempotency: one in 24 hours", {"idempotency": "event.data.k"},
        [_with(0, 1, k="a"), _with(1, 2, k="a"), _with(2, 3, k="b"), _with(DAY, 4, k="a")],
        [(0, [1]), (2, [3]), (DAY, [4])], {"idempotent": 1},
    ),
    Story(
        "12.2 idempotency: in the place of a rate limit",
        {"idempotency": "event.data.k", "rateLimit": {"limit": 1, "period": "1h"}},
        [_with(0, 1, k="a"), _with(1, 2, k="b")], [(0, [1]), (1, [2])],
    ),
    # There a second later; the windows are the same.
    Story("12.3 debounce: each event pushes it", {"debounce": {"period": "5s"}}, [(0, 1), (4, 2), (8, 3)], [(13, [3])]),
    Story(
        "12.3 debounce: never beyond the first and the timeout", {"debounce": {"period": "5s", "timeout": "7s"}},
        [(0, 1), (3, 2), (6, 3)], [(7, [3])],
    ),
    Story(
        "12.3 debounce: an older event replaces and pushes nothing", {"debounce": {"period": "5s"}},
        [_with(0, 1, ts_s=0), _with(4, 2, ts_s=-10)], [(5, [1])],
    ),
    Story(
        "12.3 debounce: an event of the same time replaces and pushes", {"debounce": {"period": "5s"}},
        [_with(0, 1, ts_s=0), _with(4, 2, ts_s=0)], [(9, [2])],
    ),
    Story(
        "12.3 debounce: one of each key, that may be no text", {"debounce": {"period": "5s", "key": "event.data.k"}},
        [_with(0, 1, k=7), _with(1, 2, k="a"), _with(2, 3, k=7.0), _with(3, 4, k=[1])],
        [(6, [2]), (7, [3]), (8, [4])],
    ),
    Story(
        "12.3 debounce: keys that fail are one", {"debounce": {"period": "5s", "key": "int(event.data.k)"}},
        [_with(0, 1, k="x"), _with(1, 2, k="y"), _with(2, 3, k="3")], [(6, [2]), (7, [3])],
    ),
    Story(
        "12.3 debounce: a timeout below the period", {"debounce": {"period": "5s", "timeout": "2s"}},
        [(0, 1), (4, 2)], [(5, [2])],
    ),
    Story(
        "15 batchEvents: full, or its time is up", {"batchEvents": {"maxSize": 3, "timeout": "10s"}},
        [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)], [(2, [1, 2, 3]), (13, [4, 5])],
    ),
    Story(
        "15 batchEvents: each key", {"batchEvents": {"maxSize": 2, "timeout": "10s", "key": "event.data.k"}},
        [_with(0, 1, k="a"), _with(1, 2, k="b"), _with(2, 3, k="a")], [(2, [1, 3]), (11, [2])],
    ),
    Story(
        "15 batchEvents: alone where `if` does not hold",
        {"batchEvents": {"maxSize": 2, "timeout": "10s", "if": "event.data.k == 'a'"}},
        [_with(0, 1, k="a"), _with(1, 2, k="b"), _with(2, 3, k="a")], [(1, [2]), (2, [1, 3])],
    ),
    Story(
        "15 batchEvents: larger and longer than the user interface offers",
        {"batchEvents": {"maxSize": 1_000, "timeout": "2m"}}, [(0, number) for number in range(120)],
        [(120, list(range(120)))],
    ),
    Story(
        "15 batchEvents: an id twice in one batch counts once", {"batchEvents": {"maxSize": 2, "timeout": "60s"}},
        [_with(0, 1, event_id="a"), _with(1, 2, event_id="a"), (2, 3), _with(3, 4, event_id="a"), (4, 5)],
        [(2, [1, 3]), (4, [4, 5])], {"duplicate": 1},
    ),
    Story(
        "15 batchEvents: a time in the future does not count", {"batchEvents": {"maxSize": 2, "timeout": "60s"}},
        [_with(0, 1, ts_s=100), _with(1, 2, ts_s=100)], [(1, [1, 2])],
    ),
    Story(
        "0.21 an event's id holds for 24 hours", {},
        [_with(0, 1, event_id="a"), _with(1, 2, event_id="a"), _with(DAY + 1, 3, event_id="a")],
        [(0, [1]), (DAY + 1, [3])], {"duplicate": 1},
    ),
    Story(
        "12.5 priority.run: seconds of a head start",
        {"priority": {"run": "event.data.p"}, "throttle": {"limit": 1, "period": "10s"}},
        [(0, 1), _with(1, 2, p=0), _with(2, 3, p=5), _with(3, 4, p=-60)],
        [(0, [1]), (10, [3]), (20, [2]), (30, [4])],
    ),
    Story(
        "12.5 priority.run: cut at 12 hours either way",
        {"priority": {"run": "event.data.p"}, "throttle": {"limit": 1, "period": "10s"}},
        [(0, 1), _with(1, 2, p=43_200), _with(2, 3, p=99_999), _with(3, 4, p=-99_999), _with(4, 5, p=-43_200)],
        [(0, [1]), (10, [2]), (20, [3]), (30, [4]), (40, [5])],
    ),
    Story(
        "12.5 priority.run: what fails or is no whole number is 0",
        {"priority": {"run": "event.data.p"}, "throttle": {"limit": 1, "period": "10s"}},
        [(0, 1), _with(1, 2, p="60"), _with(2, 3, p=1.5), _with(3, 4, p=True), _with(4, 5, p=2)],
        [(0, [1]), (10, [2]), (20, [3]), (30, [5]), (40, [4])],
    ),
    Story(
        "12.6 singleton: skip", {"singleton": {"mode": "skip", "key": "event.data.k"}},
        [_with(0, 1, k="a"), _with(1, 2, k="a"), _with(2, 3, k="b"), _with(9, 4, k="a"), _with(10, 5, k="a")],
        [(0, [1]), (2, [3]), (10, [5])], {"singleton": 2}, lasts=10,
    ),
    Story(
        "12.6 singleton: cancel", {"singleton": {"mode": "cancel"}}, [(0, 1), (1, 2), (2, 3)],
        [(0, [1]), (1, [2]), (2, [3])], lasts=10, cancelled=2,
    ),
    Story(
        "12.6 singleton: a key that is false is none", {"singleton": {"mode": "skip", "key": "event.data.k == 'a'"}},
        [_with(0, 1, k="b"), _with(1, 2, k="b")], [(0, [1]), (1, [2])], lasts=10,
    ),
    Story(
        "12.7 throttle: limit and burst at once, the rest waits",
        {"throttle": {"limit": 2, "period": "60s", "burst": 1}}, [(0, number) for number in range(6)],
        [(0, [0]), (0, [1]), (0, [2]), (30, [3]), (60, [4]), (90, [5])],
    ),
    Story(
        "12.7 throttle: no burst if none is given, and a limit of 1", {"throttle": {"period": "10s"}},
        [(0, 1), (0, 2)], [(0, [1]), (10, [2])],
    ),
    Story(
        "12.8 concurrency: what sleeps holds no slot", {"concurrency": [{"limit": 1}]}, [(0, 1), (0, 2)],
        [(0, [1]), (0, [2])], lasts=10,
    ),
    Story(
        "12.9 concurrency.fn: from the start of a run to its end", {"concurrency": {"fn": [{"limit": 1}]}},
        [(0, 1), (0, 2), (1, 3)], [(0, [1]), (10, [2]), (20, [3])], lasts=10,
    ),
    Story(
        "12.9 concurrency.fn: each key", {"concurrency": {"fn": [{"limit": 1, "key": "event.data.k"}]}},
        [_with(0, 1, k="a"), _with(0, 2, k="b"), _with(1, 3, k="a")], [(0, [1]), (0, [2]), (10, [3])], lasts=10,
    ),
    Story("12.11 ts in the future", {}, [_with(0, 1, ts_s=30), (1, 2)], [(1, [2]), (30, [1])]),
    Story(
        "12.12 order: a rate limit comes before a debounce",
        {"rateLimit": {"limit": 1, "period": "60s"}, "debounce": {"period": "5s"}}, [(0, 1), (1, 2)],
        [(5, [1])], {"rate-limited": 1},
    ),
    Story(
        "12.12 order: a debounce comes before a singleton",
        {"debounce": {"period": "5s"}, "singleton": {"mode": "skip"}}, [(0, 1), (1, 2), (7, 3), (40, 4)],
        [(6, [2]), (45, [4])], {"singleton": 1}, lasts=20,
    ),
]  # fmt: skip


def _live(harness: Harness, story: Story) -> None:
    """Let the events come when they do, and everything happen in the second in which it is due."""
    begin_ms, second = harness.clock.now_ms(), 0
    for at, number, *rest in story.events:
        if at - second > STEADY:
            harness.skip(at - second)
            second = at
        while second < at:
            harness.skip(1)
            second += 1
        given: Any = rest[0] if rest else {"data": {}}
        fields = {"ts": begin_ms + 1_000 * given["ts_s"]} if "ts_s" in given else {}
        fields |= {"id": given["id"]} if "id" in given else {}
        harness.clock.advance(seconds=0.001)  # what comes in one millisecond is in no order
        harness.send(EVENT, {"n": number, **given["data"]}, **fields)
        harness.drain()
    for _ in range(STEADY):
        harness.skip(1)


@pytest.mark.parametrize("story", STORIES, ids=[story.id for story in STORIES])
def test_a_registered_function_does_what_it_was_observed_to_do(database_url: str, story: Story) -> None:
    registry, begun = a_registry(), list[tuple[int, list[int]]]()

    @registry.action("see")
    def see(ctx: StepContext) -> None:
        if story.lasts:
            ctx.step.run("see", lambda: note(ctx))
            ctx.step.sleep("on", story.lasts)
        else:
            note(ctx)

    def note(ctx: StepContext) -> None:
        begun.append(((harness.clock.now_ms() - begin_ms) // 1_000, [event["data"]["n"] for event in ctx.events]))

    with a_runtime(database_url, registry) as harness:
        begin_ms = harness.clock.now_ms()
        harness.deploy(_document(story.config))
        _live(harness, story)
        assert begun == story.runs
        reasons = harness.rows("SELECT reason FROM decisions UNION ALL SELECT reason FROM collections")
        assert +Counter(row["reason"] for row in reasons if row["reason"]) == Counter(story.skipped)
        statuses = Counter(harness.column("SELECT status FROM runs"))
        assert statuses["cancelled"] == story.cancelled
        assert statuses["completed"] == len(story.runs) - story.cancelled


def test_12_10_what_waits_for_a_throttle_or_a_limit_is_queued_until_its_first_call(database_url: str) -> None:
    registry = a_registry()
    registry.action("see")(lambda: None)
    with a_runtime(database_url, registry) as harness:
        harness.deploy(_document({"throttle": {"limit": 1, "period": "1h"}}))
        for _ in range(2):
            harness.send(EVENT)
            harness.drain()
        rows = harness.rows("SELECT status FROM runs ORDER BY status")
        assert [shown_status(RunStatus(row["status"])) for row in rows] == ["Completed", "Queued"]


# --- the bounds of what a function may say


def _problems(config: dict[str, Any]) -> list[str]:
    registry = a_registry()
    registry.action("see")(lambda: None)
    return [each.pointer for each in validate(_document(config), registry) if each.severity == "error"]


RULE = {"event": "x/y"}
WITHIN: dict[str, dict[str, Any]] = {
    "23.1 retries: 20": {"retries": 20},
    "23.12 cancel: 5": {"cancel": [RULE] * 5},
    "23.12 cancel: 365 days": {"cancel": [{**RULE, "timeout": "365d"}]},
    "23.13 triggers: 10": {"triggers": [{"event": f"e/{number}"} for number in range(10)]},
    "23.13 cron: 255 characters": {"triggers": [{"cron": f"{'1,' * 123}1 * * * *"}]},
    "23.13 jitter: 5 minutes": {"triggers": [{"cron": "1 * * * *", "jitter": "5m"}]},
    "23.14 concurrency: two of steps and one of runs": {
        "concurrency": {"step": [{"limit": 1}, {"limit": 2, "key": "event.data.k"}], "fn": [{"limit": 3}]}
    },
    "23.14 concurrency: 0 is no limit": {"concurrency": 0},
    "23.16 debounce: 1 s": {"debounce": {"period": "1s"}},
    "23.16 debounce: 7 d": {"debounce": {"period": "7d"}},
    "23.17 rateLimit: 24 h": {"rateLimit": {"limit": 1, "period": "24h"}},
    "23.18 batch: 2 in 1 s": {"batchEvents": {"maxSize": 2, "timeout": "1s"}},
    "23.18 batch: no most": {"batchEvents": {"maxSize": 10_000, "timeout": "7d"}},
}
BEYOND: dict[str, tuple[dict[str, Any], str]] = {
    "23.1 retries: 21": ({"retries": 21}, "/settings/retries"),
    "23.12 cancel: 6": ({"cancel": [RULE] * 6}, "/settings/cancel_on"),
    "23.13 triggers: 11": ({"triggers": [{"event": f"e/{number}"} for number in range(11)]}, "/triggers"),
    "23.13 cron: 256 characters": ({"triggers": [{"cron": f"{'1,' * 124}1 * * * *"}]}, "/triggers/0/cron"),
    "23.13 jitter: 6 minutes": ({"triggers": [{"cron": "1 * * * *", "jitter": "6m"}]}, "/triggers/0/jitter"),
    "23.14 concurrency: three of steps": ({"concurrency": [{"limit": 1}] * 3}, "/settings/concurrency/2"),
    "23.14 concurrency: two of runs": ({"concurrency": {"fn": [{"limit": 1}] * 2}}, "/settings/concurrency/1"),
    "12.8 concurrency: a shared scope has a key": (
        {"concurrency": [{"limit": 1, "scope": "env"}]}, "/settings/concurrency/0",
    ),
    "23.16 debounce: below 1 s": ({"debounce": {"period": "999ms"}}, "/settings/debounce/period"),
    "23.16 debounce: above 7 d": ({"debounce": {"period": "169h"}}, "/settings/debounce/period"),
    "23.17 rateLimit: above 24 h": ({"rateLimit": {"limit": 1, "period": "25h"}}, "/settings/rate_limit/period"),
    "23.17 rateLimit: 0": ({"rateLimit": {"limit": 0, "period": "1h"}}, "/settings/rate_limit/limit"),
    "23.18 batch: 1": ({"batchEvents": {"maxSize": 1, "timeout": "1s"}}, "/settings/batch/max_size"),
    "23.18 batch: below 1 s": ({"batchEvents": {"maxSize": 2, "timeout": "999ms"}}, "/settings/batch/timeout"),
}  # fmt: skip


@pytest.mark.parametrize("config", WITHIN.values(), ids=WITHIN)
def test_what_is_within_the_bounds_is_registered(config: dict[str, Any]) -> None:
    assert _problems(config) == []


@pytest.mark.parametrize(("config", "pointer"), BEYOND.values(), ids=BEYOND)
def test_what_is_beyond_the_bounds_is_refused_at_its_place(config: dict[str, Any], pointer: str) -> None:
    assert pointer in _problems(config)


CONTROLS: dict[str, dict[str, Any]] = {
    "concurrency": {"concurrency": 2},
    "throttle": {"throttle": {"limit": 1, "period": "1h"}},
    "rate limit": {"rateLimit": {"limit": 1, "period": "1h"}},
    "debounce": {"debounce": {"period": "5s"}},
    "batch": {"batchEvents": {"maxSize": 2, "timeout": "5s"}},
    "priority": {"priority": {"run": "event.data.p"}},
    "singleton": {"singleton": {"mode": "skip"}},
    "idempotency": {"idempotency": "event.data.k"},
    "cancel": {"cancel": [RULE]},
}
#: Refused there, too. A rate limit and idempotency beside a batch are taken, and do nothing.
REFUSED_WITH_BATCH = {"debounce", "priority", "singleton", "cancel"}


@pytest.mark.parametrize("one", CONTROLS)
@pytest.mark.parametrize("other", CONTROLS)
def test_a_function_is_registered_with_two_controls_unless_they_exclude_each_other(one: str, other: str) -> None:
    is_refused = "batch" in (one, other) and bool({one, other} & REFUSED_WITH_BATCH)
    assert bool(_problems(CONTROLS[one] | CONTROLS[other])) is is_refused


def _flow(config: dict[str, Any]) -> FlowControl:
    registry = a_registry()
    registry.action("see")(lambda: None)
    return parse(_document(config), registry).settings.flow


PRIORITY = _flow(CONTROLS["priority"])
IDEMPOTENCY = _flow(CONTROLS["idempotency"]).idempotency
PARAMETERS: dict[str, tuple[object, object]] = {
    "23.1 retries, if none are given": (DEFAULT_RETRIES, 4),
    "23.2 pauses between attempts": ((MIN_DELAY_SECONDS, MAX_DELAY_SECONDS), (1, DAY)),
    "23.5 output of a step": (DEFAULT_LIMITS.output_bytes, 4 * MIB),
    "23.6 body of a call": (DEFAULT_LIMITS.remote_request_bytes, 4 * MIB),
    "23.7 body of a reply": (DEFAULT_LIMITS.remote_reply_bytes, 8 * MIB),
    "23.8 event, by default": (DEFAULT_LIMITS.event_bytes, 512 * KIB),
    "23.8 events of a request": (DEFAULT_LIMITS.events_per_request, 5_000),
    "23.9 length of a call": (DEFAULT_LIMITS.remote_call_seconds, 2 * HOUR),
    "23.10 sleep or wait": (MAX_WAIT_SECONDS, 366 * DAY),
    "23.15 period of idempotency": (IDEMPOTENCY and IDEMPOTENCY.period_ms, 1_000 * DAY),
    "23.18 bytes of a batch": (DEFAULT_LIMITS.batch_bytes, 10 * MIB),
    "23.19 priority": ((PRIORITY.priority_most, DEFAULT_LIMITS.priority_seconds), (43_200, 43_200)),
    "23.21 defers of a run": (DEFAULT_LIMITS.remote_defers, 20),
    "23.23 message of realtime": (DEFAULT_LIMITS.message_bytes, 512 * KIB),
    "23.23 pieces of a stream": (DEFAULT_LIMITS.published_pieces, 1_000),
    "23.23 token of realtime": (DEFAULT_TTL_SECONDS, 60),
    "23.24 connect: heartbeat": (HEARTBEAT_SECONDS, 10),
    "23.24 connect: lease": (DEFAULT_LIMITS.connect_lease_seconds, 120),
    "23.24 connect: session token": (DEFAULT_LIMITS.connect_token_seconds, 300),
    "23.24 connect: frame": (DEFAULT_LIMITS.connect_message_bytes, 8 * MIB),
    "23.25 how often apps are asked": (WATCH_SECONDS, 5),
}


@pytest.mark.parametrize(("ours", "theirs"), PARAMETERS.values(), ids=PARAMETERS)
def test_a_bound_is_the_one_that_was_observed(ours: object, theirs: object) -> None:
    assert ours == theirs
