"""Functions of the npm package, unmodified, with us in the place of their server: see typescript/functions.mjs.

They are written once, and run with the newest release of the package and with the last one of its third version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from sdkapps import a_server, eventually
from tsapps import TypescriptApp, a_typescript_app, new_key

from workflowkit import WorkflowKit
from workflowkit.base.clock import SystemClock
from workflowkit.inngest.signing import key_hash
from workflowkit.runtime.keys import Keys

NEWEST = pytest.mark.parametrize("app", ["v4"], indirect=True)
THIRD = pytest.mark.parametrize("app", ["v3"], indirect=True)


@pytest.fixture(scope="module", params=["v4", "v3"])
def app(
    server: tuple[WorkflowKit, str], tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[TypescriptApp]:
    with a_typescript_app(server[1], "tsapp", request.param, directory=tmp_path_factory.mktemp("app")) as app:
        assert app.synced.status_code == 200, app.synced.text
        yield app


@pytest.fixture
def key() -> str:
    return new_key()


def test_a_function_runs_for_an_event_and_its_result_is_the_runs_output(app: TypescriptApp) -> None:
    run = app.run("greet", name="Ada")
    assert (run["status"], run["output"]) == ("Completed", "hello Ada")


def test_steps_are_executed_once_each(app: TypescriptApp, key: str) -> None:
    assert app.run("three-steps", key)["output"] == ["a", "b", "c"]
    assert app.told(key) == ["a", "b", "c"]


def test_an_id_that_is_used_again_is_another_step(app: TypescriptApp, key: str) -> None:
    assert app.run("loop", key)["output"] == [0, 1, 2]
    assert app.told(key) == [0, 1, 2]


def test_parallel_steps_are_executed_once_each_and_joined(app: TypescriptApp, key: str) -> None:
    assert app.run("parallel", key)["output"] == ["a", "b", "after"]
    assert sorted(app.told(key)) == ["a", "after", "b"]


def test_after_a_race_the_function_goes_on_while_others_wait(app: TypescriptApp, key: str) -> None:
    assert app.run("race", key)["output"] == "fast"
    assert app.told(key)[:2] == ["fast", "winner fast"]


@THIRD
def test_parallel_branches_of_the_third_version_do_not_wait_for_each_other(app: TypescriptApp, key: str) -> None:
    event_id = app.send("branches", key)
    assert sorted(app.told(key, 3)) == ["a1", "a2", "b1"]
    app.release(key)
    assert app.run_of(event_id)["output"] == ["a1", "a2", "b1", "after"]
    assert sorted(app.told(key)) == ["a1", "a2", "after", "b1"]


@THIRD  # in later versions the SDK does not tell that the function has ended before it knows what became of the wait
def test_a_function_ends_while_a_wait_that_has_lost_a_race_goes_on(
    app: TypescriptApp, server: tuple[WorkflowKit, str], key: str
) -> None:
    run = app.run("race-of-waits", key)
    assert (run["status"], run["output"], app.told(key)) == ("Completed", "too late", ["too late"])
    with server[0].runtime.database.read() as tx:
        query = sa.text("SELECT count(*) FROM waits WHERE run_id = :run_id AND state = 'open'")
        assert tx.connection.execute(query, {"run_id": run["run_id"]}).scalar_one() == 0


def test_a_sleep_of_less_than_a_second_ends(app: TypescriptApp) -> None:
    assert app.run("short-sleep")["output"] == "slept"


@pytest.mark.parametrize("function", ["sleep", "sleep-until"])
def test_a_sleep_takes_as_long_as_it_says(app: TypescriptApp, function: str) -> None:
    assert app.run(function)["output"] >= 900


def test_a_wait_ends_with_the_event_that_matches(app: TypescriptApp, key: str) -> None:
    event_id = app.send("wait", key)
    app.told(key, 1)
    # The wait may begin a moment after the step before it: until then nothing listens.
    eventually(lambda: app.send("", key + "x", event="ts/reply", answer=1) and _is_waiting(app, event_id))
    app.send("", key, event="ts/reply", answer=42)
    assert app.run_of(event_id)["output"] == 42


def _is_waiting(app: TypescriptApp, event_id: str) -> bool | None:
    runs = httpx.get(f"{app.server}/v1/events/{event_id}/runs").json()["data"]
    if not runs:  # the event is not matched yet
        return None
    (run,) = runs
    return True if httpx.get(f"{app.server}/api/runs/{run['run_id']}").json()["status"] == "waiting" else None


def test_a_wait_that_nothing_ends_gives_null_after_its_time(app: TypescriptApp) -> None:
    run = app.run("wait-in-vain")
    assert (run["status"], run["output"]) == ("Completed", None)


def test_a_function_invokes_another_and_gets_its_result(app: TypescriptApp) -> None:
    assert app.run("invoke")["output"] == 42


def test_a_function_that_is_invoked_and_fails_fails_the_step(app: TypescriptApp) -> None:
    assert app.run("invoke-failing")["output"] == ["TypeError", "it is broken"]


def test_a_function_that_is_invoked_and_takes_too_long_fails_the_step(app: TypescriptApp) -> None:
    name, message = app.run("invoke-slow")["output"]
    assert (name, message) == (
        "InngestInvokeTimeoutError", "Timed out waiting for invoked function to complete",
    )  # fmt: skip


def test_a_step_sends_events_that_start_others(app: TypescriptApp, key: str) -> None:
    assert app.run("send-event", key)["output"] == 2
    assert sorted(app.told(key, 2)) == [1, 2]


def test_a_step_is_tried_again_after_the_pause_that_it_asks_for(app: TypescriptApp, key: str) -> None:
    run = app.run("retry-after", key)
    assert (run["output"], app.told(key)) == ("done", [0, 1, 2])


def test_a_function_that_fails_is_tried_again_with_the_steps_it_has(app: TypescriptApp, key: str) -> None:
    run = app.run("retry-function", key)
    assert (run["output"], app.told(key)) == ("done", ["once", 0, 1])


def test_what_must_not_be_retried_fails_at_once(app: TypescriptApp, key: str) -> None:
    run = app.run("non-retriable", key)
    assert (run["status"], app.told(key)) == ("Failed", [0])
    assert (run["output"]["name"], run["output"]["message"]) == (app.error_name("NonRetriableError"), "never")


def test_a_step_that_must_not_be_retried_can_be_caught(app: TypescriptApp, key: str) -> None:
    assert app.run("non-retriable-step", key)["output"] == [app.error_name("NonRetriableError"), "never"]
    assert app.told(key) == ["tried"]


def test_a_step_that_fails_for_good_can_be_caught_with_its_cause(app: TypescriptApp) -> None:
    assert app.run("caught")["output"] == ["RangeError", "out of range", "the cause", "went on"]


def test_the_run_fails_under_the_name_of_the_error_that_was_thrown(app: TypescriptApp) -> None:
    run = app.run("custom-error")
    assert (run["output"]["name"], run["output"]["message"]) == (app.error_name("PaymentError"), "declined")


def test_on_failure_is_called_with_the_error_and_the_event(app: TypescriptApp, key: str) -> None:
    app.send("on-failure", key, number=3)
    ((name, message, function, data),) = app.told(key, 1)
    assert (name, message) == ("inngest/function.failed", "broken")
    assert (function, data) == ("tsapp-on-failure", {"key": key, "number": 3})


def test_an_event_cancels_the_runs_it_matches(app: TypescriptApp, key: str) -> None:
    event_id = app.send("cancelled", key)
    app.told(key, 1)
    app.send("", key, event="ts/stop")
    assert app.run_of(event_id)["status"] == "Cancelled"


def test_a_batch_of_events_is_one_run(app: TypescriptApp, key: str) -> None:
    event_id = app.send("batch", key, number=1)
    app.send("batch", key, number=2)
    assert app.run_of(event_id)["output"] == [1, 2]


def test_a_limit_of_concurrency_keeps_steps_apart(app: TypescriptApp, key: str) -> None:
    for _ in range(3):
        app.send("concurrency", key)
    assert app.told(key, 6) == ["begin", "end"] * 3


def test_a_debounce_starts_one_run_with_the_last_event(app: TypescriptApp, key: str) -> None:
    now_ms = SystemClock().now_ms()
    sent = [
        {"name": "ts/debounce", "data": {"key": key, "number": number}, "ts": now_ms - 4 + number}
        for number in range(4)
    ]
    app.run_of(app.send_together(sent)[-1])
    assert app.told(key) == [3]


def test_a_rate_limit_drops_the_events_above_it(app: TypescriptApp, key: str) -> None:
    app.run("rate-limit", key, number=1)
    second = app.send("rate-limit", key, number=2)
    eventually(lambda: _is_matched(app, second))
    assert app.told(key) == [1]


def _is_matched(app: TypescriptApp, event_id: str) -> bool | None:
    return True if not httpx.get(f"{app.server}/api/events/{event_id}").json()["is_pending"] else None


def test_a_throttle_spreads_the_beginnings_of_runs(app: TypescriptApp, key: str) -> None:
    for _ in range(2):
        app.send("throttle", key)
    first, second = app.told(key, 2)
    assert second - first >= 500  # they begin 2 s apart; the first may get to tell it late


def test_a_run_of_higher_priority_begins_before_those_that_queue(app: TypescriptApp, key: str) -> None:
    app.send("priority", key, priority=0, holds=True)
    app.told(key, 1)
    for priority in (0, 100):
        event_id = app.send("priority", key, priority=priority)
        eventually(partial(_is_matched, app, event_id))
    app.release(key)
    assert app.told(key, 3) == [0, 100, 0]


def test_a_singleton_skips_events_while_a_run_goes_on(app: TypescriptApp, key: str) -> None:
    app.send("singleton", key, number=1)
    app.told(key, 1)
    second = app.send("singleton", key, number=2)
    eventually(lambda: _is_matched(app, second))
    assert app.told(key) == [1]


def test_a_singleton_cancels_the_run_before(app: TypescriptApp, key: str) -> None:
    first = app.send("singleton-cancel", key, number=1)
    app.told(key, 1)
    app.send("singleton-cancel", key, number=2)
    assert app.run_of(first)["status"] == "Cancelled"
    assert app.told(key, 2) == [1, 2]


def test_an_idempotent_function_runs_once_for_a_key(app: TypescriptApp, key: str) -> None:
    app.run("idempotent", key, number=1)
    second = app.send("idempotent", key, number=2)
    eventually(lambda: _is_matched(app, second))
    assert app.told(key) == [1]


def test_a_function_that_takes_too_long_is_cancelled(app: TypescriptApp) -> None:
    assert app.run("timeouts")["status"] == "Cancelled"


def test_a_trigger_has_a_condition(app: TypescriptApp, key: str) -> None:
    for number in (2, 3):
        last = app.send("filtered", key, number=number)
    app.run_of(last)
    assert app.told(key) == [3]


def test_a_trigger_has_a_pattern(app: TypescriptApp, key: str) -> None:
    app.run_of(app.send("", key, event="ts/wild/thing"))
    assert app.told(key) == ["ts/wild/thing"]


def test_a_model_that_the_app_calls_itself_is_a_step(app: TypescriptApp) -> None:
    assert app.run("wrap")["output"] == "answer to question"


def test_values_of_all_kinds_come_back_as_they_were(app: TypescriptApp) -> None:
    assert app.run("values")["output"] == [None, 0, "", False, [], {}, 1.5, "ü\U0001f600", {"a": {"b": [1]}}]


def test_a_step_that_returns_nothing_is_executed_once(app: TypescriptApp) -> None:
    assert app.run("nothing")["output"] is True


def test_ids_may_have_any_characters(app: TypescriptApp) -> None:
    assert app.run("odd-ids")["output"] == [1, 2]


def test_a_function_that_crashes_goes_on_after_the_steps_it_had(app: TypescriptApp, key: str) -> None:
    assert app.run("crash-once", key)["output"] == "done"
    assert app.told(key) == ["a", "b", "c"]


def test_a_state_that_is_too_large_for_a_call_is_fetched_by_the_app(app: TypescriptApp) -> None:
    assert app.run("big-state")["output"] == "fits"


def test_a_batch_that_is_too_large_for_a_call_is_fetched_by_the_app(app: TypescriptApp, key: str) -> None:
    event_ids = [app.send("big-batch", key, text="x" * 500_000) for _ in range(9)]
    assert app.run_of(event_ids[0])["output"] == [500_000] * 9


@NEWEST
def test_steps_are_reported_while_the_function_goes_on(app: TypescriptApp, key: str) -> None:
    before = len(app.calls("three-steps"))
    app.run("three-steps", key)
    assert app.calls("three-steps")[before:] == ["step"]


def test_a_signal_resumes_the_run_that_waits_for_it(app: TypescriptApp, key: str) -> None:
    event_id = app.send("wait-signal", key)
    eventually(lambda: _is_waiting(app, event_id))
    run = app.run("send-signal", key)
    assert run["output"].keys() == {"runId"}
    assert app.run_of(event_id)["output"] == {"signal": f"signal-{key}", "data": {"number": 7}}


def test_a_signal_that_never_comes_gives_null(app: TypescriptApp, key: str) -> None:
    run = app.run("wait-signal-in-vain", key)
    assert (run["status"], run["output"]) == ("Completed", None)


def test_a_signal_that_nobody_waits_for_is_not_found(app: TypescriptApp, key: str) -> None:
    answer = httpx.post(f"{app.server}/v1/signals", json={"signal": f"signal-{key}", "data": {}})
    assert answer.status_code == 404


def test_a_signal_that_another_run_waits_for_is_a_conflict(app: TypescriptApp, key: str) -> None:
    event_id = app.send("wait-signal-strictly", key)
    eventually(lambda: _is_waiting(app, event_id))
    run = app.run("wait-signal-strictly", key)
    assert run["status"] == "Failed"
    assert run["output"]["message"] == "Signal conflict; signal wait already exists for another run"


def test_a_signal_may_be_taken_from_another_run(app: TypescriptApp, key: str) -> None:
    first = app.send("wait-signal-replacing", key)
    eventually(lambda: _is_waiting(app, first))
    event_id = app.send("wait-signal-replacing", key)
    eventually(lambda: _is_waiting(app, event_id))
    app.run("send-signal", key)
    assert app.run_of(event_id)["output"]["data"] == {"number": 7}


def test_a_request_is_sent_for_the_function_and_its_answer_is_a_step(app: TypescriptApp) -> None:
    status, answer = app.run("fetch", url=f"{app.url}/provider/201")["output"]
    assert (status, answer) == (201, {"method": "PUT", "body": "sent", "custom": "yes"})


def test_a_model_is_asked_for_the_function_with_its_key(app: TypescriptApp) -> None:
    answer = app.run("infer", url=f"{app.url}/provider/200")["output"]
    assert (answer["authorization"], answer["custom"]) == ("Bearer secret", "yes")
    assert json.loads(answer["body"]) == {"messages": ["hi"]}


def test_a_model_that_refuses_fails_the_step(app: TypescriptApp) -> None:
    name, message = app.run("infer-failing", url=f"{app.url}/provider/400")["output"]
    assert name == "AIGatewayError"
    assert message.startswith("Error making AI request: unsuccessful status code: 400")


@NEWEST
def test_functions_that_are_deferred_begin_with_the_end_of_the_run(app: TypescriptApp, key: str) -> None:
    assert app.run("defers", key)["output"] == "done"
    told = app.told(key, 4)
    assert told[:2] == ["before the end", "the end"]
    assert sorted(told[2:]) == [["inngest/deferred.schedule", 1, 1], ["inngest/deferred.schedule", 3, 1]]


@NEWEST
def test_functions_are_deferred_by_one_that_fails_for_good_too(app: TypescriptApp, key: str) -> None:
    assert app.run("defers-and-fails", key)["status"] == "Failed"
    assert app.told(key, 2) == ["tried", ["inngest/deferred.schedule", 1, 1]]


def test_a_step_publishes_a_message(app: TypescriptApp, server: tuple[WorkflowKit, str], key: str) -> None:
    assert app.run("publish", key)["output"] == ({"ok": True} if app.is_v3 else {"number": 7})
    query = sa.text("SELECT topic, data FROM messages WHERE channel = :channel")
    with server[0].runtime.database.read() as tx:
        (message,) = tx.connection.execute(query, {"channel": key})
    assert (message.topic, json.loads(message.data)) == ("news", {"number": 7})


@NEWEST
def test_scores_of_runs_and_steps_are_kept_in_the_log(app: TypescriptApp, key: str) -> None:
    first, second = app.run("scores", key), app.run("greet", name="Ada")
    app.run("scores", key, of=second["run_id"])

    def lines(run_id: str) -> list[tuple[str, str]]:
        found = httpx.get(f"{app.server}/api/runs/{run_id}/logs").json()["items"]
        return [(line["step"], line["message"]) for line in found]

    whole = 'metadata inngest.score: {"whole":{"value":true}}'
    assert sorted(lines(first["run_id"])) == [
        ("scores", whole), ("scores/rated", 'metadata inngest.score: {"quality":{"value":0.5}}'),
    ]  # fmt: skip
    assert lines(second["run_id"]) == [("greet", whole)]


@pytest.mark.parametrize("metadata", [None, [], [{"kind": ""}], [{"kind": "k", "values": 1}], [7]])
def test_metadata_that_is_none_is_refused(app: TypescriptApp, metadata: object) -> None:
    run_id = app.run("greet", name="Ada")["run_id"]
    answer = httpx.post(f"{app.server}/v1/runs/{run_id}/metadata", json={"target": {}, "metadata": metadata})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-input")
    assert httpx.post(f"{app.server}/v1/runs/none/metadata", json={"metadata": [{"kind": "k", "values": {}}]}).is_error


@pytest.fixture(scope="module")
def others(app: TypescriptApp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, TypescriptApp]]:
    """Apps of the same functions that answer in other ways."""
    directory: Path = tmp_path_factory.mktemp("others")
    version, other = ("v3", "reporting") if app.is_v3 else ("v4", "plain")
    with (
        a_typescript_app(app.server, f"streams-{version}", "streaming", version, directory=directory) as streams,
        a_typescript_app(app.server, f"{other}-{version}", other, version, directory=directory) as second,
    ):
        yield {"streaming": streams, other: second}
        for each in (streams, second):  # else what comes next would start their functions too
            assert httpx.post(f"{app.server}/api/apps/{each.name}/archive").is_success


@pytest.mark.parametrize(
    ("app", "way", "call_count"),
    [("v4", "streaming", 1), ("v4", "plain", 4), ("v3", "streaming", 4), ("v3", "reporting", 1)],
    indirect=["app"],
)
@pytest.mark.parametrize(("function", "output"), [("three-steps", ["a", "b", "c"]), ("parallel", ["a", "b", "after"])])
def test_an_app_may_stream_its_replies_and_report_steps_before_them_or_not(
    others: dict[str, TypescriptApp], way: str, call_count: int, function: str, output: list[str], key: str
) -> None:
    app = others[way]
    run_id = app.invoke(function, key)
    assert app.run_by_id(run_id)["output"] == output
    if function == "three-steps":
        assert len(app.calls(function)) == call_count


@pytest.mark.parametrize("version", ["v4", "v3"])
def test_an_app_in_production_takes_signed_calls_and_reports_steps(tmp_path: Path, key: str, version: str) -> None:
    signing_key = "signkey-test-12345678"
    with a_server(tmp_path, dev_mode=False, signing_key=signing_key, allow_private_networks=True) as (wk, url):
        _, event_key = Keys(wk.runtime.database).create(wk.settings.scope, "app", {"events:send"})
        environment = {
            "INNGEST_BASE_URL": url, "INNGEST_SIGNING_KEY": signing_key, "INNGEST_EVENT_KEY": event_key,
            "INNGEST_DEV": "0", "NODE_ENV": "production",
        }  # fmt: skip
        with a_typescript_app(url, "prod", version, directory=tmp_path, is_dev=False, **environment) as app:
            assert app.synced.status_code == 200, app.synced.text
            bearer = {"Authorization": f"Bearer {key_hash(signing_key)}"}
            run_id = app.invoke("three-steps", key, headers=bearer)
            assert app.run_by_id(run_id, headers=bearer)["output"] == ["a", "b", "c"]
            assert app.calls("three-steps") == ["step"] * (4 if app.is_v3 else 1)
            assert httpx.post(f"{app.url}/api/inngest?fnId=prod-greet&stepId=step", json={}).status_code == 401
