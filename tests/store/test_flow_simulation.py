"""The simulator says of stored events what the runtime would do with them, and does nothing."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from builders import a_workflow
from click.testing import CliRunner
from runtimes import Harness, a_registry, a_runtime
from webapi import a_web

from workflowkit.base.errors import DefinitionError
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.cli.root import cli
from workflowkit.engine.context import StepContext
from workflowkit.registry import Registry
from workflowkit.runtime.simulating import Question, Simulating
from workflowkit.runtime.versions import Versions

EVENT = "order/placed"
RUN_SECONDS = 7
SETTINGS: dict[str, dict[str, Any]] = {
    "rate limit": {"rate_limit": {"limit": 2, "period": "10s", "key": "event.data.k"}},
    "idempotency": {"idempotency": {"key": "event.data.k", "period": "1m"}},
    "idempotency and rate limit": {
        "idempotency": {"key": "event.data.k", "period": "1m"},
        "rate_limit": {"limit": 1, "period": "10s", "key": "event.data.n"},
    },
    "debounce": {"debounce": {"period": "3s", "timeout": "8s", "key": "event.data.k"}},
    "batch": {"batch": {"max_size": 3, "timeout": "6s", "key": "event.data.k", "if": "event.data.n % 5 != 0"}},
    "skip": {"singleton": {"mode": "skip", "key": "event.data.k"}},
    "cancel": {"singleton": {"mode": "cancel", "key": "event.data.k"}},
    "queue": {"singleton": {"mode": "queue_latest", "key": "event.data.k"}},
    "debounce and queue": {
        "debounce": {"period": "2s"}, "singleton": {"mode": "queue_latest"}, "rate_limit": {"limit": 5, "period": "9s"},
    },
}  # fmt: skip


def _registry() -> Registry:
    registry = a_registry()

    @registry.action("work")
    def work(ctx: StepContext) -> None:
        ctx.step.sleep("long", RUN_SECONDS)

    return registry


def _document(**settings: Any) -> dict[str, Any]:
    return a_workflow().action("w", kind="work").path("$source", "w").trigger(EVENT).settings(**settings).document()


def _live(harness: Harness) -> None:
    """Let events come at uneven times and everything happen when it is due."""
    for second in range(40):
        for number in range((second * 7) % 3):
            harness.send(EVENT, {"n": second + number, "k": (second + number) % 2})
            harness.drain()
        harness.skip(1)
    for _ in range(30):
        harness.skip(1)


def _what_happened(harness: Harness) -> Counter[str]:
    reasons = harness.rows("SELECT reason FROM decisions")
    closed = harness.rows("SELECT reason FROM collections WHERE reason IS NOT NULL")
    found = Counter(row["reason"] for row in [*reasons, *closed])
    found["runs"] = len(harness.rows("SELECT id FROM runs"))
    found["cancelled"] = len(harness.rows("SELECT id FROM runs WHERE status = 'cancelled'"))
    return +found


@pytest.mark.parametrize("name", SETTINGS)
def test_it_foretells_what_the_runtime_does(sqlite_url: str, name: str) -> None:
    with a_runtime(sqlite_url, _registry()) as harness:
        harness.deploy(_document(**SETTINGS[name]))
        _live(harness)
        before = harness.rows("SELECT count(*) AS n FROM runs")
        simulating = Simulating(harness.runtime.database, Versions(), harness.runtime.settings.limits)
        found = simulating.simulate(
            DEFAULT_SCOPE, "test", Question(SETTINGS[name], 0, limit=1_000, run_ms=RUN_SECONDS * 1_000)
        ).outcomes  # fmt: skip
        told = Counter[str]()
        told["runs"] = len({each.run for each in found if each.run is not None})
        told["cancelled"] = len({each.run for each in found if each.fate == "cancelled"})
        # A window that is dropped is one decision about all of its events.
        told.update(each.reason for each in found if each.reason is not None and each.reason != "superseded")
        happened = _what_happened(harness)
        assert ("superseded" in happened) == any(each.reason == "superseded" for each in found)
        del happened["superseded"]
        assert +told == happened
        assert harness.rows("SELECT count(*) AS n FROM runs") == before


@pytest.mark.parametrize("settings", [{}, SETTINGS["debounce"], SETTINGS["batch"], SETTINGS["rate limit"]])
def test_it_foretells_what_becomes_of_events_with_an_id_that_was_there(database_url: str, settings: Any) -> None:
    with a_runtime(database_url, _registry()) as harness:
        harness.deploy(_document(**settings) if settings else _document(retries=1))
        for second in range(12):
            harness.send(EVENT, {"n": second, "k": 0}, id=f"{second % 3}")
            harness.drain()
            harness.skip(1)
        for _ in range(30):
            harness.skip(1)
        simulating = Simulating(harness.runtime.database, Versions(), harness.runtime.settings.limits)
        found = simulating.simulate(DEFAULT_SCOPE, "test", Question(settings, 0, limit=100)).outcomes
        assert len(found) == 12
        told = Counter(each.reason for each in found if each.reason is not None)
        told["runs"] = len({each.run for each in found if each.run is not None})
        assert told == _what_happened(harness)
        assert (told["duplicate"] > 0) == ("debounce" not in settings)


def test_a_throttle_says_when_runs_would_start(sqlite_url: str) -> None:
    with a_runtime(sqlite_url, _registry()) as harness:
        harness.deploy(_document())
        for number in range(4):
            harness.send(EVENT, {"n": number})
        simulating = Simulating(harness.runtime.database, Versions(), harness.runtime.settings.limits)
        settings = {"throttle": {"limit": 1, "period": "10s", "burst": 2}}
        found = simulating.simulate(DEFAULT_SCOPE, "test", Question(settings, 0, limit=10)).outcomes
        starts = [(each.starts_at_ms or 0) - found[0].at_ms for each in found]
        assert starts == [0, 0, 10_000, 20_000]


def _starts(harness: Harness) -> dict[str, int]:
    rows = harness.rows("SELECT event_id, started_at_ms FROM runs WHERE started_at_ms IS NOT NULL")
    return {row["event_id"]: row["started_at_ms"] for row in rows}


@pytest.mark.parametrize("settings", [
    {}, {"priority": "event.data.p"}, {"singleton": {"mode": "cancel"}, "priority": "event.data.p"},
])  # fmt: skip
def test_behind_a_throttle_it_foretells_when_each_run_starts(database_url: str, settings: dict[str, Any]) -> None:
    settings = {"throttle": {"limit": 1, "period": "10s"}, **settings}
    with a_runtime(database_url, _registry()) as harness:
        harness.deploy(_document(**settings))
        begun_at_ms = harness.clock.now_ms()
        for priority, later_ms in ((0, 60_000), (0, 0), (0, 0), (0, 0), (120, 0), (0, 15_000)):
            harness.send(EVENT, {"p": priority}, ts=harness.clock.now_ms() + later_ms)
            harness.drain()
            harness.skip(1)
        for _ in range(90):
            harness.skip(1)
        simulating = Simulating(harness.runtime.database, Versions(), harness.runtime.settings.limits)
        question = Question(settings, 0, limit=100, run_ms=RUN_SECONDS * 1_000)
        found = simulating.simulate(DEFAULT_SCOPE, "test", question).outcomes
        told = {each.event_id: each.starts_at_ms for each in found if each.starts_at_ms is not None}
        assert {id: at_ms - begun_at_ms for id, at_ms in told.items()} == {
            id: at_ms - begun_at_ms for id, at_ms in _starts(harness).items()
        }
        assert len(told) >= 2


def test_runs_are_taken_to_last_as_long_as_the_last_ones_have(database_url: str) -> None:
    with a_web(database_url, registry=_registry()) as web:
        client, harness = web.client(), web.harness
        harness.deploy(_document())
        body: dict[str, Any] = {"settings": {"singleton": {"mode": "skip"}}, "since": "2020-01-01T00:00:00Z"}
        for _ in range(3):
            harness.send(EVENT)
            harness.drain()
            harness.clock.advance(seconds=3)
        answer = client.post("/api/workflows/test/simulate", body).get_json()
        assert (answer["run_seconds"], answer["measured_runs"], answer["skipped"]) == (0, 0, 0)
        for _ in range(9):
            harness.skip(1)
        answer = client.post("/api/workflows/test/simulate", body).get_json()
        assert (RUN_SECONDS <= answer["run_seconds"] <= RUN_SECONDS + 3, answer["measured_runs"]) == (True, 3)
        assert answer["skipped"] == 2
        answer = client.post("/api/workflows/test/simulate", body | {"run_seconds": 4}).get_json()
        assert (answer["run_seconds"], answer["measured_runs"], answer["skipped"]) == (4, 0, 1)


def test_it_is_asked_over_http_and_refuses_what_no_document_may_have(database_url: str) -> None:
    with a_web(database_url) as web:
        client, harness = web.client(), web.harness
        harness.deploy(a_workflow().chain("a").trigger(EVENT, "event.data.n > 0").document())
        for number in range(4):
            harness.send(EVENT, {"n": number})
        body = {"settings": {"rate_limit": {"limit": 1, "period": "1h"}}, "since": "2020-01-01T00:00:00Z"}
        answer = client.post("/api/workflows/test/simulate", body).get_json()
        assert (answer["runs"], answer["skipped"]) == (1, 2)
        assert [item["fate"] for item in answer["items"]] == ["run", "skipped", "skipped"]
        for refused in (
            {"rate_limit": {"limit": 0, "period": "1h"}},
            {"rate_limt": {"limit": 1, "period": "1h"}},
            {"rate_limit": {"limit": 1, "period": "1h", "keys": "event.data.n"}},
        ):
            body["settings"] = refused
            assert client.post("/api/workflows/test/simulate", body).status_code == 422
        assert client.post("/api/workflows/other/simulate", body | {"settings": {}}).status_code == 404
        assert harness.rows("SELECT id FROM runs") == []


def test_an_event_shows_every_workflow_and_what_became_of_it_there(database_url: str) -> None:
    with a_web(database_url) as web:
        client, harness = web.client(), web.harness
        settings_of: dict[str, dict[str, Any]] = {
            "batched": {"batch": {"max_size": 2, "timeout": "1m"}}, "limited": {"idempotency": "'one'"}, "free": {},
        }  # fmt: skip
        for name, settings in settings_of.items():
            harness.deploy(a_workflow().chain("a").trigger(EVENT).settings(**settings).document(), name)
        first, second = harness.send(EVENT), harness.send(EVENT)
        harness.drain()
        event = client.get(f"/api/events/{second}").get_json()
        assert sorted(run["workflow_id"] for run in event["runs"]) == ["batched", "free"]
        (collection,) = event["collections"]
        assert (collection["workflow_id"], collection["kind"], collection["events"]) == ("batched", "batch", 2)
        assert collection["run_id"] in {run["id"] for run in event["runs"]}
        (decision,) = event["decisions"]
        assert (decision["workflow_id"], decision["reason"], decision["other_id"]) == ("limited", "idempotent", first)
        (limited,) = harness.rows("SELECT id FROM runs WHERE workflow_id = 'limited'")
        assert decision["run_id"] == limited["id"]
        batched = client.get(f"/api/runs/{collection['run_id']}").get_json()
        assert batched["gathered"] == {"kind": "batch", "events": 2, "event_ids": [first, second]}
        assert client.get(f"/api/runs/{limited['id']}").get_json()["gathered"] is None


def test_a_debounced_run_tells_of_the_events_that_it_stands_for(database_url: str) -> None:
    with a_web(database_url) as web:
        client, harness = web.client(), web.harness
        document = a_workflow().chain("a").trigger(EVENT).settings(debounce={"period": "5s"}).document()
        harness.deploy(document)
        ids = []
        for _ in range(3):
            ids.append(harness.send(EVENT))
            harness.drain()
            harness.skip(1)
        shown = client.get(f"/api/events/{ids[0]}").get_json()["collections"]
        assert [(each["kind"], each["events"], each["run_id"]) for each in shown] == [("debounce", 3, None)]
        harness.skip(5)
        (run,) = client.get("/api/runs").get_json()["items"]
        assert run["event_id"] == ids[-1]
        assert client.get(f"/api/runs/{run['id']}").get_json()["gathered"] == {
            "kind": "debounce", "events": 3, "event_ids": ids,
        }  # fmt: skip


def test_the_command_line_shows_an_event_and_simulates(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", sqlite_url)
    with a_runtime(sqlite_url) as harness:
        harness.deploy(a_workflow().chain("a").trigger(EVENT).settings(rate_limit=RATE).document())
        ids = [harness.send(EVENT, {"n": number}) for number in range(2)]
        harness.drain()
        shown = [CliRunner().invoke(cli, ["events", "show", event_id]).stdout for event_id in ids]
        assert "completed" in shown[0]
        assert "it came too early for the rate limit of the workflow (rate-limited)" in shown[1]
        as_json = CliRunner().invoke(cli, ["events", "show", ids[1], "--json"]).stdout
        assert json.loads(as_json)["decisions"][0]["reason"] == "rate-limited"
        (tmp_path / "settings.json").write_text(json.dumps({"batch": {"max_size": 2, "timeout": "1m"}}))
        arguments = ["simulate", "test", "--settings", str(tmp_path / "settings.json"), "--since", "2020-01-01"]
        lines = CliRunner().invoke(cli, arguments).stdout.splitlines()
        assert lines[-1] == "1 runs, 0 events skipped"
        assert lines[-2].startswith("Each run is taken to last 0 s, the median of the last 1. Concurrency is left out")
        came = lines[1].split()[2]
        for since, seen in ((came, 2), (f"{came[:19]}+00:00", 2), ("2100-01-01T00:00:00Z", 0)):
            answer = CliRunner().invoke(cli, [*arguments[:-1], since, "--json", "--run-seconds", "1.5"]).stdout
            assert len(json.loads(answer)["items"]) == seen, since
            assert (json.loads(answer)["run_seconds"], json.loads(answer)["measured_runs"]) == (1.5, 0)


def test_the_command_line_tells_of_collections_and_of_what_is_there_instead(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", sqlite_url)
    settings_of: dict[str, dict[str, Any]] = {
        "batched": {"batch": {"max_size": 2, "timeout": "1m"}}, "limited": {"idempotency": "'one'"}, "free": {},
        "quiet": {"debounce": {"period": "1m"}},
    }  # fmt: skip
    with a_runtime(sqlite_url) as harness:
        for name, settings in settings_of.items():
            harness.deploy(a_workflow().chain("a").trigger(EVENT).settings(**settings).document(), name)
        first, second = harness.send(EVENT), harness.send(EVENT)
        harness.drain()
        again = harness.send(EVENT, id="x"), harness.send(EVENT, id="x")
        harness.drain()
        runs = {
            row["workflow_id"]: row["id"] for row in harness.rows("SELECT workflow_id, id FROM runs ORDER BY id DESC")
        }
        lines = CliRunner().invoke(cli, ["events", "show", second]).stdout.splitlines()
        assert f"  batched  batch of 2 events: run {runs['batched']}" in lines
        assert "  quiet  window of a debounce of 4 events: still open" in lines
        assert f"  limited  skipped an earlier event had the same key (idempotent); run {runs['limited']}" in lines
        lines = CliRunner().invoke(cli, ["events", "show", again[1]]).stdout.splitlines()
        assert f"  has the id of the event {again[0]}" in lines
        told = "skipped an earlier event had the same id (duplicate);"
        assert f"  batched  {told} instead: {again[0]}" in lines
        assert any(line.startswith(f"  free  {told} run ") for line in lines)
        shown = CliRunner().invoke(cli, ["runs", "show", runs["batched"]]).stdout
        assert "one of 2 of a batch" in shown
        assert first != second


RATE = {"limit": 1, "period": "1h"}


# --- triggers on the last events


def _tried(harness: Harness, event: str, condition: str | None = None) -> tuple[int, int, str]:
    simulating = Simulating(harness.runtime.database, Versions(), harness.runtime.settings.limits)
    found = simulating.try_trigger(DEFAULT_SCOPE, event, condition)
    return found.seen, len(found.matched), found.detail


def test_a_trigger_says_how_many_of_the_last_twenty_events_it_would_have_matched(database_url: str) -> None:
    with a_runtime(database_url, a_registry()) as harness:
        for number in range(25):
            harness.send("app/order", {"n": number})
            harness.clock.advance(seconds=1)
        harness.send("app/Order_2", {"n": 3})
        harness.send("other/order", {"n": 3}, scope=Scope("default", "others"))
        assert _tried(harness, "app/order") == (20, 20, "")
        assert _tried(harness, "app/order", "event.data.n >= 22") == (20, 3, "")
        assert _tried(harness, "app/*", "event.data.n == 3") == (20, 1, "")
        assert _tried(harness, "app/ord_r") == (0, 0, "")
        assert _tried(harness, "App/*") == (0, 0, "")
        assert _tried(harness, "other/*") == (0, 0, "")
        assert harness.rows("SELECT id FROM runs") == []


def test_a_condition_that_cannot_be_evaluated_matches_nothing_and_says_why(database_url: str) -> None:
    with a_runtime(database_url, a_registry()) as harness:
        harness.send("app/order", {"n": "three"})
        seen, matched, detail = _tried(harness, "app/order", "event.data.n > 2")
        assert (seen, matched) == (1, 0)
        assert detail


@pytest.mark.parametrize(
    ("event", "condition", "pointer"), [("upd*", None, "/triggers/0/event"), ("a/b", "1 +", "/triggers/0/if")]
)
def test_a_trigger_that_no_document_may_have_is_refused(
    sqlite_url: str, event: str, condition: str | None, pointer: str
) -> None:
    with a_runtime(sqlite_url, a_registry()) as harness, pytest.raises(DefinitionError) as refused:
        _tried(harness, event, condition)
    assert [problem.pointer for problem in refused.value.problems] == [pointer]


def test_the_command_line_names_the_event_that_took_the_place_of_another(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", sqlite_url)
    registry = a_registry()

    @registry.action("nap")
    def nap(ctx: StepContext) -> None:
        ctx.step.sleep("nap", "1h")

    with a_runtime(sqlite_url, registry) as harness:
        napping = a_workflow().action("a", "nap").path("$source", "a").trigger(EVENT)
        harness.deploy(napping.settings(singleton={"mode": "queue_latest"}).document(), "latest")
        ids: list[str] = []
        for _ in range(4):
            ids.append(harness.send(EVENT))
            harness.drain()
        for superseded, later in pairwise(ids[1:]):
            lines = CliRunner().invoke(cli, ["events", "show", superseded]).stdout.splitlines()
            told = "skipped a later event took its place while it waited for a run to end (superseded)"
            assert f"  latest  {told}; event {later}" in lines
