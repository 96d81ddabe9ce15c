"""The commands that work on a database directly: migrate, send, runs, keys, doctor."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import services
from builders import a_workflow
from click.testing import CliRunner, Result
from runtimes import Harness, a_registry, a_runtime

from workflowkit.base.clock import SystemClock
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.base.secrets import Keyring
from workflowkit.base.settings import Settings
from workflowkit.cli.devserver import dev_settings
from workflowkit.cli.doctor import masked
from workflowkit.cli.publishing import PublishedFiles, files_in
from workflowkit.cli.root import cli
from workflowkit.engine.context import StepContext


@pytest.fixture
def installation(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    """A database that the settings name, with a workflow, and a worker that works when the test says so."""
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", sqlite_url)
    with a_runtime(sqlite_url) as harness:
        harness.deploy(
            a_workflow("Test").action("a", "set", {"x": 1}).path("$source", "a").trigger("test/*").document()
        )
        yield harness


NO_RUNS = "no runs of tenant 'default' in environment 'default'"


def _cli(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def _finished_run(harness: Harness) -> str:
    """Send an event, do the work, and return the id of its run."""
    assert _cli("send", "test/happened", "--data", '{"n": 1}').exit_code == 0
    harness.clock.advance_to(SystemClock().now_ms())  # by which the event was received
    harness.skip(seconds=60)
    run_id: str = harness.run()["id"]
    return run_id


def test_migrate_brings_a_database_up_to_date_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", f"sqlite:///{tmp_path / 'new.db'}")
    missing = _cli("migrate", "--check")
    assert (missing.exit_code, missing.stdout.partition(":")[0]) == (1, "migrations are missing")
    assert _cli("migrate").stdout.startswith("migrated from an empty database to ")
    assert _cli("migrate").stdout.startswith("up to date at ")
    assert _cli("migrate", "--check").exit_code == 0


def test_an_event_is_sent_and_its_run_listed_and_shown(installation: Harness) -> None:
    run_id = _finished_run(installation)
    assert f"{run_id}  test " in _cli("runs", "list").stdout
    shown = _cli("runs", "show", run_id).stdout
    assert "✓ a" in shown
    assert '{"x":1}' in shown
    (listed,) = json.loads(_cli("runs", "list", "--json", "--status", "completed", "--workflow", "test").stdout)[
        "items"
    ]
    told = json.loads(_cli("runs", "show", run_id, "--json").stdout)
    assert (listed["id"], told["id"], told["event"]["data"], told["output"]) == (
        run_id,
        run_id,
        {"n": 1},
        {"a": {"x": 1}},
    )
    assert [step["status"] for step in told["steps"]] == ["completed"]
    assert _cli("runs", "list", "--status", "failed").stdout == f"{NO_RUNS}\n"


def test_a_step_that_is_tried_again_is_shown_with_its_last_error(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", sqlite_url)
    registry = a_registry()

    @registry.action("look", retries=1)
    def look() -> str:
        return {"a": "found"}["zz"]

    @registry.action("charge")
    def charge(ctx: StepContext) -> None:
        ctx.step.run("card", look, retries=1)

    flow = a_workflow("Test").action("l", "look").action("c", "charge").path("$source", "l").path("$source", "c")
    with a_runtime(sqlite_url, registry) as harness:
        harness.deploy(flow.trigger("test/*").document())
        harness.send("test/happened", None)
        harness.drain()
        run_id = harness.run()["id"]
        shown = _cli("runs", "show", run_id).stdout
        assert "KeyError: 'zz'; it is tried again" in shown
        assert "card: KeyError: 'zz'; it is tried again" in shown
        harness.skip(3_600)
        harness.drain()
        ended = _cli("runs", "show", run_id).stdout
    assert "is tried again" not in ended
    assert "KeyError: 'zz'" in ended


def test_runs_are_found_by_what_they_say(installation: Harness) -> None:
    run_id = _finished_run(installation)
    search = ("runs", "list", "--where", "event.data.n == 1", "--where", "output.a.x > 0", "--column", "output.a.x")
    assert f"{run_id}  test " in _cli(*search).stdout
    told = json.loads(_cli(*search, "--since", "2020-01-01", "--version", "1", "--json").stdout)
    assert [item["values"] for item in told["items"]] == [{"output.a.x": 1}]
    assert (told["next_id"], told["looked"]["runs"]) == (None, 1)
    for other in (["--where", "event.data.n == 2"], ["--version", "2"], ["--app", "test"], ["--until", "2020-01-01"],
                  ["--contains", "nowhere"]):  # fmt: skip
        assert _cli("runs", "list", *other).stdout.startswith("no runs of tenant")
    refused = _cli("runs", "list", "--where", "event.data.n ==")
    assert (refused.exit_code, "line 1, character 16" in refused.stderr) == (2, True)


def test_the_names_of_events_are_listed_with_who_listens(installation: Harness) -> None:
    assert _cli("events", "types").stdout == "no events\n"
    _finished_run(installation)
    assert re.search(r"test/happened +1 +\S+ +test\n", _cli("events", "types", "--span", "1h").stdout)
    (told,) = json.loads(_cli("events", "types", "--json").stdout)["items"]
    assert (told["name"], told["count"], told["workflow_ids"]) == ("test/happened", 1, ["test"])


def test_a_list_says_how_far_it_has_looked(installation: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = _finished_run(installation)
    monkeypatch.setenv("WORKFLOWKIT_LIMIT_SEARCHED_RUNS", "1")
    listed = _cli("runs", "list", "--status", "cancelled").stdout
    assert listed.startswith(f"{NO_RUNS}\nlooked through 1 runs, back to ")
    assert f"go on with --after {run_id}." in listed
    assert _cli("runs", "list", "--status", "cancelled", "--after", run_id).stdout == f"{NO_RUNS}\n"


def test_sending_an_id_again_says_that_nothing_starts(installation: Harness) -> None:
    first = json.loads(_cli("send", "test/happened", "--id", "once", "--json").stdout)
    again = _cli("send", "test/happened", "--id", "once")
    assert first["duplicate_of"] is None
    assert f"which repeats {first['id']} and starts nothing" in again.stdout


def test_a_signal_resumes_the_run_that_waits_for_it(installation: Harness) -> None:
    def handler(ctx: StepContext) -> object:
        return ctx.step.wait_for_signal("signal", "paid", timeout="1d")

    installation.registry.action("durable")(handler)
    installation.deploy(
        a_workflow().action("d", kind="durable").path("$source", "d").trigger("waits/begun").document(), "waits"
    )
    installation.clock.advance_to(SystemClock().now_ms())  # by which the command counts
    installation.send("waits/begun")
    installation.drain()
    run_id = installation.run()["id"]
    assert _cli("signal", "unheard").exit_code == 1
    assert _cli("signal", "paid", "--data", '{"n": NaN}').exit_code == 2
    assert json.loads(_cli("signal", "paid", "--data", '{"by": "ada"}', "--json").stdout) == {"run_id": run_id}
    assert _cli("signal", "paid").stderr == "error: the wait for signal 'paid' has ended: received\n"
    assert _cli("signal", "workflow/approval/x").exit_code == 2


def test_a_waiting_run_is_moved(installation: Harness) -> None:
    def handler(ctx: StepContext) -> object:
        return ctx.step.wait_for_signal("signal", "paid", timeout="1d")

    installation.registry.action("durable")(handler)
    document = a_workflow().action("d", kind="durable").path("$source", "d").trigger("waits/begun")
    installation.deploy(document.document(), "waits")
    installation.clock.advance_to(SystemClock().now_ms())  # by which the command counts
    installation.send("waits/begun")
    installation.drain()
    run_id = installation.run()["id"]
    installation.deploy(document.action("last").path("d", "last").document(), "waits")
    assert _cli("runs", "move", run_id, "--dry-run").stdout.startswith("can be moved: version 2, 1 steps more")
    assert _cli("runs", "move", run_id).stdout.startswith("moved: version 2")
    assert _cli("runs", "move", run_id).stdout.startswith("is on this version already")
    installation.deploy(a_workflow().action("x").path("$source", "x").trigger("waits/begun").document(), "waits")
    stays = _cli("runs", "move", run_id)
    assert (stays.exit_code, stays.stderr) == (1, "error: the run stays on its version\n")
    assert "step d is on its way and would be gone" in stays.stdout


def test_a_run_is_repeated_and_cancelled(installation: Harness) -> None:
    run_id = _finished_run(installation)
    second = _cli("runs", "rerun", run_id).stdout.strip()
    assert second != run_id
    assert _cli("runs", "cancel", second, "--reason", "by mistake").stdout == f"cancelled {second}\n"
    told = json.loads(_cli("runs", "show", second, "--json").stdout)
    assert (told["reason"], told["cause"]["text"], told["cause"]["actor"]) == ("cancelled-by-user", "by mistake", "cli")
    assert "cancelled-by-user: by mistake (cli)" in _cli("runs", "show", second).stdout
    ended = _cli("runs", "cancel", run_id)
    assert (ended.exit_code, ended.stderr) == (1, "error: the run has ended before: it is completed\n")


@pytest.mark.parametrize("command", [["runs", "show"], ["runs", "cancel"], ["runs", "rerun"], ["keys", "revoke"]])
def test_ids_of_another_tenant_are_not_found(installation: Harness, command: list[str]) -> None:
    run_id = _finished_run(installation)
    result = _cli(*command, run_id, "--tenant", "other")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert _cli("runs", "list", "--tenant", "other").stdout == "no runs of tenant 'other' in environment 'default'\n"


def test_a_run_of_another_tenant_is_not_found_and_whose_was_looked_for_is_told(installation: Harness) -> None:
    run_id = _finished_run(installation)
    missing = _cli("runs", "show", run_id, "--tenant", "other").stderr
    assert missing == f"error: there is no run {run_id!r} of tenant 'other' in environment 'default'\n"


def test_what_a_handler_has_done_and_waits_for_is_shown(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", sqlite_url)
    registry = a_registry()

    @registry.action("ship")
    def ship(ctx: StepContext) -> None:
        ctx.step.run("pack", lambda: "parcel-7")
        ctx.step.wait_for_event("picked", "parcel/picked", timeout="2d")

    flow = a_workflow("Test").action("ship", "ship").path("$source", "ship").trigger("test/*")
    with a_runtime(sqlite_url, registry) as harness:
        harness.deploy(flow.document())
        harness.send("test/happened", None)
        harness.drain()
        shown = _cli("runs", "show", harness.run()["id"]).stdout
    lines = [line.split() for line in shown.splitlines()]
    assert ["✓", "pack", "completed", '"parcel-7"'] in lines
    (waits,) = [line for line in lines if "picked" in line]
    assert waits[:6] == ["•", "picked", "waiting", "event", "parcel/picked", "until"]


def test_a_key_is_shown_once_and_revoked(installation: Harness) -> None:
    made = json.loads(_cli("keys", "create", "editor", "--allow", "runs:read", "--json").stdout)
    assert made["key"].startswith("wk_default_")
    listed = _cli("keys", "list").stdout
    assert "in force" in listed
    assert made["key"] not in listed
    assert _cli("keys", "revoke", made["id"]).stdout == "revoked editor\n"
    (row,) = json.loads(_cli("keys", "list", "--json").stdout)["items"]
    assert row["revoked_at"] is not None
    assert _cli("keys", "create", "x", "--allow", "everything").exit_code == 2


def test_bad_data_is_refused_and_nothing_is_stored(installation: Harness) -> None:
    for data in ("{", "[1]", '{"n": NaN}', '{"n": 1, "n": 2}'):
        result = _cli("send", "test/happened", "--data", data)
        assert result.exit_code == 2, data
    assert _cli("send", "workflow/reserved").exit_code == 2
    assert installation.rows("SELECT * FROM events") == []


@pytest.mark.parametrize("command", [["send", "a/b"], ["runs", "list"], ["keys", "list"]])
def test_a_database_that_is_missing_or_empty_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    missing = _cli(*command)
    assert (missing.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert "there is no database" in missing.stderr
    assert "set WORKFLOWKIT_APP (shop.app:wk) or WORKFLOWKIT_DATABASE_URL" in missing.stderr
    (tmp_path / "none.db").touch()
    assert "run `workflowkit migrate`" in _cli(*command).stderr


def test_without_settings_the_dev_server_s_database_is_meant(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "project/.workflowkit"
    state.mkdir(parents=True)
    monkeypatch.chdir(state.parent)
    assert "there is no database workflowkit.db" in _cli("runs", "list").stderr
    Path(sqlite_url.removeprefix("sqlite:///")).rename(state / "dev.db")
    assert _cli("runs", "list").stdout == f"{NO_RUNS}\n"


def test_doctor_finds_nothing_wrong_with_a_sound_installation(installation: Harness) -> None:
    result = _cli("doctor", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert {check["name"]: check["state"] for check in told["checks"]} == dict.fromkeys(
        ("python", "actions", "database", "migrations", "clock", "workers", "broker"), "ok"
    )
    assert told["settings"]["database_url"]["source"] == "WORKFLOWKIT_DATABASE_URL"
    assert told["settings"]["lease_seconds"] == {"value": "30.0", "source": "default"}


def test_doctor_opens_a_secret_of_each_key_and_names_misspelt_settings(
    installation: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, keys in (("one", {"main": b"a" * 32}), ("two", {"old": b"o" * 32})):
        monkeypatch.setenv("WORKFLOWKIT_SECRET_KEY", Keyring(keys).render())
        assert CliRunner().invoke(cli, ["secrets", "set", name, "--stdin"], input="a value of it").exit_code == 0
    both = {"main": b"a" * 32, "old": b"o" * 32}
    monkeypatch.setenv("WORKFLOWKIT_SECRET_KEY", Keyring(both).render())
    assert "those tried open, of 2 keys" in _cli("doctor").stdout
    monkeypatch.setenv("WORKFLOWKIT_SECRET_KEY", Keyring({"main": b"b" * 32}).render())
    monkeypatch.setenv("WORKFLOWKIT_DATABSE_URL", "x")
    result = _cli("doctor")
    assert result.exit_code == 1
    assert "'main' (another key has this id)" in result.stdout
    assert "'old' (not in WORKFLOWKIT_SECRET_KEY)" in result.stdout
    assert "WORKFLOWKIT_DATABSE_URL is no setting (did you mean WORKFLOWKIT_DATABASE_URL?)" in result.stdout
    monkeypatch.delenv("WORKFLOWKIT_SECRET_KEY")
    assert "WORKFLOWKIT_SECRET_KEY is not set here" in _cli("doctor").stdout


def test_doctor_opens_secrets_with_the_key_beside_a_file(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", sqlite_url)
    assert _cli("migrate").exit_code == 0
    key_file = Path(f"{sqlite_url.removeprefix('sqlite:///')}.secret-key")
    assert _cli("doctor").exit_code == 0
    assert not key_file.exists()  # it changes nothing
    assert CliRunner().invoke(cli, ["secrets", "set", "one", "--stdin"], input="a value of it").exit_code == 0
    sound = _cli("doctor")
    assert (sound.exit_code, "those tried open, of 1 key" in sound.stdout) == (0, True)
    key_file.write_text(Keyring({"other": b"o" * 32}).render())
    assert f"(not in {key_file})" in _cli("doctor").stdout
    key_file.write_text("nonsense")
    assert "key 1 is not <id>:<base64 of 32 bytes>" in _cli("doctor").stdout
    key_file.unlink()
    lost = _cli("doctor")
    assert (lost.exit_code, f"and there is no {key_file}" in lost.stdout) == (1, True)


def test_doctor_says_what_a_server_database_without_a_key_lacks(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", postgres_url)
    assert _cli("migrate").exit_code == 0
    result = _cli("doctor")
    assert (result.exit_code, "no stored secrets, no embed tokens and no links" in result.stdout) == (0, True)


def test_doctor_sees_that_nobody_works(installation: Harness) -> None:
    installation.send("test/happened")  # by the harness's clock, long ago
    assert "1 events and 0 steps wait for more than 30 s: does a worker run?" in _cli("doctor").stdout


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("WORKFLOWKIT_DATABASE_URL", "postgresql://ada:s3same@127.0.0.1:1/x", "postgresql://ada:***@127.0.0.1:1/x: "),
        ("WORKFLOWKIT_DATABASE_URL", "oracle://x", "problem  database    oracle://x: "),
        ("WORKFLOWKIT_DATABASE_URL", "sqlite:///nowhere.db", "there is no file nowhere.db: run `workflowkit migrate`"),
        ("WORKFLOWKIT_BROKER_URL", "redis://:s3same@127.0.0.1:1/0", "redis://:***@127.0.0.1:1/0: "),
    ],
)
def test_doctor_tells_what_is_wrong_and_no_secret(
    installation: Harness, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = _cli("doctor")
    assert result.exit_code == 1
    assert told in result.stdout
    assert "s3same" not in result.stdout


def test_doctor_shows_that_there_is_a_key_and_not_the_key(
    installation: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = base64.b64encode(b"k" * 32).decode()
    monkeypatch.setenv("WORKFLOWKIT_SECRET_KEY", f"2026a:{key}")
    result = _cli("doctor")
    assert re.search(r"secret_key +\*\*\* +WORKFLOWKIT_SECRET_KEY", result.stdout)
    assert key not in result.stdout


def test_doctor_tells_of_missing_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.db").touch()
    monkeypatch.setenv("WORKFLOWKIT_DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    result = _cli("doctor")
    assert result.exit_code == 1
    assert "run `workflowkit migrate`" in result.stdout


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://h/0", "redis://h/0"),
        ("redis://:pw@h", "redis://:***@h"),
        ("postgresql://ada@h/x", "postgresql://ada@h/x"),
        ("postgresql://ada:p:w@h/x?password=abc&b=1", "postgresql://ada:***@h/x?password=***&b=1"),
        ("smtps://a:b@mail:465", "smtps://a:***@mail:465"),
    ],
)
def test_passwords_are_masked(url: str, shown: str) -> None:
    assert masked(url) == shown


def test_a_dev_server_keeps_to_itself_and_serves_every_queue(tmp_path: Path) -> None:
    from workflowkit import WorkflowKit

    wk = WorkflowKit("test")
    wk.action("slow", queue="reports")(lambda: None)
    given = Settings(database_url="postgresql://production", broker_url="redis://production")
    settings = dev_settings(given, tmp_path / "dev.db", wk.registry)
    assert settings.database_url == f"sqlite:///{tmp_path / 'dev.db'}"
    assert settings.broker_url == "local://"
    assert settings.queues == ("default", "reports")
    assert settings.email_url == (tmp_path / "mail").as_uri()
    assert settings.public_url is None
    local = "http://127.0.0.1:8288"
    assert dev_settings(given, tmp_path / "dev.db", wk.registry, url=local).public_url == local
    proxied = replace(given, public_url="https://dev.example.com")
    assert dev_settings(proxied, tmp_path / "dev.db", wk.registry, url=local).public_url == "https://dev.example.com"


def test_a_folder_of_workflows_is_published_and_again_what_changes_in_it(
    sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from workflowkit import WorkflowKit

    good = json.dumps(a_workflow().action("a", "set").path("$source", "a").document())
    bad = '{"actions": [{"id": "a"}], "edges": []}'
    texts = {"good": good, "bad": bad, "broken": "{", "Odd name": good, "text": '"a"'}
    for name, text in texts.items():
        (tmp_path / f"{name}.json").write_text(text)
    wk = WorkflowKit("test", database_url=sqlite_url)
    files = PublishedFiles(wk, files_in(tmp_path))
    try:
        assert files.publish_changed() == ["good"]
        told = capsys.readouterr().err
        assert "bad.json:1:14: error: " in told
        assert "broken.json:1:2: error: " in told
        assert "an id has 1 to 64 of" in told
        assert "text.json:1:1: error: A workflow is a JSON object" in told
        assert files.publish_changed() == []
        assert capsys.readouterr().err == ""
        (tmp_path / "bad.json").write_text(good)
        (tmp_path / "good.json").unlink()
        assert files.publish_changed() == ["bad"]
        wk.archive("bad")
        (tmp_path / "bad.json").write_text(json.dumps({**json.loads(good), "description": "Changed"}))
        assert files.publish_changed() == []
        assert "'bad' is archived: restore it first" in capsys.readouterr().err
    finally:
        wk.stop()


def test_a_file_that_changes_while_the_dev_server_runs_is_published(sqlite_url: str, tmp_path: Path) -> None:
    from workflowkit import WorkflowKit

    wk = WorkflowKit("test", database_url=sqlite_url)
    files = PublishedFiles(wk, files_in(tmp_path))
    document = a_workflow().action("a", "set").path("$source", "a").document()
    try:
        files.watch()
        (tmp_path / "new.json").write_text(json.dumps(document))
        authoring = wk.runtime.authoring
        assert services.wait_until(
            lambda: [one.published_version for one in authoring.find(DEFAULT_SCOPE, limit=10)] == [1],
            timeout_seconds=60,
        )
    finally:
        files.stop()
        wk.stop()


def _asked(harness: Harness) -> str:
    """Run a workflow that asks, and return the approval's id."""
    harness.clock.advance_to(SystemClock().now_ms())  # by which the commands count
    form = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    inputs = {"title": "Refund?", "assignees": ["ada", "bob"], "form": form}
    document = a_workflow().action("ask", "builtin:approval", inputs).path("$source", "ask")
    harness.deploy(document.trigger("asking/begun").document(), "asks")
    harness.send("asking/begun")
    harness.drain()
    approval_id: str = json.loads(_cli("approvals", "list", "--json").stdout)["items"][0]["id"]
    return approval_id


def test_approvals_are_listed_and_decided(installation: Harness) -> None:
    assert _cli("approvals", "list").stdout == "no approvals\n"
    approval_id = _asked(installation)
    listed = _cli("approvals", "list", "--status", "open", "--assignee", "ada").stdout
    assert approval_id in listed
    assert "0 of 1" in listed
    assert _cli("approvals", "list", "--tenant", "other").stdout == "no approvals\n"
    refused = _cli("approvals", "approve", approval_id, "--data", '{"n": "x"}')
    assert (refused.exit_code, "/data/n" in refused.stderr) == (2, True)
    assert _cli("approvals", "approve", approval_id, "--data", "{").exit_code == 2
    assert _cli("approvals", "approve", approval_id, "--data", '{"n": 1}', "--actor", "eve").exit_code == 1
    approved = _cli("approvals", "approve", approval_id, "--data", '{"n": 1}', "--actor", "ada")
    assert approved.stdout == "approved Refund? 1 of 1\n"
    again = _cli("approvals", "reject", approval_id)
    assert (again.exit_code, again.stderr) == (1, "error: this is decided already: approved\n")


def test_an_approval_is_rejected_by_the_operator(installation: Harness) -> None:
    approval_id = _asked(installation)
    told = json.loads(_cli("approvals", "reject", approval_id, "--comment", "no", "--json").stdout)
    assert (told["status"], told["decisions"][0]["actor"], told["decisions"][0]["comment"]) == (
        "rejected", "operator", "no",
    )  # fmt: skip
    assert _cli("approvals", "reject", approval_id, "--tenant", "other").exit_code == 1


def test_a_workflow_is_paused_and_resumed(installation: Harness) -> None:
    paused = _cli("workflows", "pause", "test", "--reason", "wrong texts")
    assert paused.stdout == "paused: test (0 runs have not ended)\n"
    _cli("send", "test/happened")
    installation.clock.advance_to(SystemClock().now_ms())
    installation.skip(seconds=60)
    assert [row["reason"] for row in installation.rows("SELECT reason FROM decisions")] == ["paused"]
    assert "wrong texts" in _cli("workflows", "paused").stdout
    (row,) = json.loads(_cli("workflows", "paused", "--json").stdout)["items"]
    assert (row["workflow_id"], row["hold"], row["actor"]) == ("test", "pause", "cli")
    assert _cli("workflows", "resume", "test").exit_code == 0
    assert _cli("workflows", "paused").stdout == "nothing is paused or drained\n"


def test_a_drain_waits_for_the_last_run(installation: Harness) -> None:
    assert _cli("send", "test/happened").exit_code == 0
    installation.clock.advance_to(SystemClock().now_ms())
    installation.runtime.relay.tick()
    installation.clock.advance(seconds=60)
    installation.runtime.relay.tick()
    installation.match()  # a worker has the run and is not done with it
    waited = _cli("drain", "test", "--wait", "--timeout", "0")
    assert (waited.exit_code, waited.stderr) == (1, "1 runs have not ended\n")
    installation.skip(seconds=60)
    waited = _cli("drain", "--all", "--wait")
    assert (waited.exit_code, waited.stdout.splitlines()[1:]) == (0, ["all runs have ended"])
    assert _cli("workflows", "undrain", "test").exit_code == 0
    assert _cli("workflows", "undrain", "--all").exit_code == 0
    assert _cli("workflows", "paused").stdout == "nothing is paused or drained\n"


def test_versions_are_published_with_a_note_and_listed(installation: Harness) -> None:
    assert _cli("workflows", "publish", "test").stdout == "published already: test (version 1)\n"
    authoring = installation.runtime.authoring
    draft = authoring.get_draft(DEFAULT_SCOPE, "test")
    named = {**draft.document, "name": "Renamed"}
    authoring.update_draft(DEFAULT_SCOPE, "test", named, revision=draft.revision)
    published = _cli("workflows", "publish", "test", "--note", "a better\nname")
    assert published.stdout == "published: test (version 2)\n"
    first, second = _cli("workflows", "versions", "test").stdout.splitlines()[1:]
    assert (first.split()[0], first.split()[2:]) == ("2", ["cli", "a", "better", "name"])
    assert second.split()[2:] == ["program"]
    (newest, _) = json.loads(_cli("workflows", "versions", "test", "--json").stdout)["items"]
    assert (newest["version"], newest["published_by"], newest["note"]) == (2, "cli", "a better\nname")
    assert len(json.loads(_cli("workflows", "versions", "test", "--limit", "1", "--json").stdout)["items"]) == 1


def test_a_draft_with_an_error_is_not_published(installation: Harness) -> None:
    authoring = installation.runtime.authoring
    authoring.create(DEFAULT_SCOPE, {"actions": [{"id": "a", "kind": "nowhere"}], "edges": []}, workflow_id="bad")
    refused = _cli("workflows", "publish", "bad")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "error: /actions/0/kind" in refused.stderr
    assert _cli("workflows", "versions", "bad").stdout == "nothing was published yet\n"


def test_a_workflow_is_archived_and_restored(installation: Harness) -> None:
    assert _cli("workflows", "list", "--archived").stdout == "no workflow is archived\n"
    assert _cli("workflows", "archive", "test").stdout == "archived: test\n"
    assert _cli("workflows", "list").stdout == "there are no workflows\n"
    (row,) = _cli("workflows", "list", "--archived").stdout.splitlines()[1:]
    assert (row.split()[0], "v1" in row.split()) == ("test", True)
    refused = _cli("workflows", "publish", "test")
    assert (refused.exit_code, refused.stderr) == (1, "error: workflow 'test' is archived: restore it first\n")
    assert _cli("workflows", "restore", "test").stdout == "restored: test\n"
    (shown,) = json.loads(_cli("workflows", "list", "--json").stdout)["items"]
    assert (shown["id"], shown["archived_at"]) == ("test", None)
    acts = installation.rows("SELECT action, actor FROM audit_log ORDER BY seq DESC LIMIT 1")
    assert acts == [{"action": "workflow.restored", "actor": "cli"}]
    assert _cli("workflows", "archive", "nothing").exit_code == 1


def test_a_workflow_is_duplicated(installation: Harness) -> None:
    made = _cli("workflows", "duplicate", "test", "--id", "second", "--name", "Second")
    assert (made.exit_code, made.stdout) == (0, "made: second Second\n")
    shown = json.loads(_cli("workflows", "duplicate", "second", "--json").stdout)
    assert (shown["name"], shown["published_version"]) == ("Second", None)
    missing = _cli("workflows", "duplicate", "nothing")
    assert (missing.exit_code, missing.stderr) == (1, "error: there is no workflow 'nothing'\n")


@pytest.mark.parametrize("arguments", [[], ["test", "--all"], ["--all", "--everyone"]])
def test_what_is_paused_is_named_in_one_way(installation: Harness, arguments: list[str]) -> None:
    result = _cli("workflows", "pause", *arguments)
    assert (result.exit_code, result.stderr) == (2, "error: name a workflow, or say --all or --everyone\n")


def test_everything_of_an_environment_is_paused(installation: Harness) -> None:
    assert _cli("workflows", "pause", "--everyone", "--running", "cancel").stdout.startswith("paused: everything ")
    (row,) = installation.rows("SELECT tenant, workflow_id, running FROM pauses")
    assert row == {"tenant": "*", "workflow_id": "", "running": "cancel"}
    assert _cli("workflows", "resume", "nowhere").exit_code == 1


def test_a_workflow_is_run_whatever_its_triggers(installation: Harness) -> None:
    started = json.loads(_cli("workflows", "run", "test", "--data", '{"n": 1}', "--json").stdout)
    installation.clock.advance_to(SystemClock().now_ms())
    installation.skip(seconds=60)
    run = installation.run()
    assert (run["id"], run["event_id"], run["status"]) == (started["run_id"], started["event_id"], "completed")


def test_running_a_workflow_waits_for_its_end_or_gives_up(installation: Harness) -> None:
    late = _cli("workflows", "run", "test", "--wait", "--timeout", "0", "--json")
    assert (late.exit_code, json.loads(late.stdout)["status"]) == (1, "queued")
    run_id = json.loads(late.stdout)["run_id"]
    answers: list[Result] = []
    waiting = threading.Thread(target=lambda: answers.append(_cli("workflows", "run", "test", "--wait", "--json")))
    waiting.start()
    deadline = SystemClock().now_ms() + 60_000
    while waiting.is_alive() and SystemClock().now_ms() < deadline:
        installation.clock.advance_to(max(SystemClock().now_ms(), installation.clock.now_ms()))
        installation.skip(seconds=60)
        waiting.join(0.05)
    (answer,) = answers
    told = json.loads(answer.stdout)
    assert (answer.exit_code, told["status"], told["output"]) == (0, "completed", {"a": {"x": 1}})
    assert told["run_id"] != run_id


@pytest.mark.parametrize(
    ("arguments", "exit_code"), [(["missing"], 1), (["test", "--data", "{"], 2), (["test", "--data", "[]"], 2)]
)
def test_what_cannot_be_run_is_refused(installation: Harness, arguments: list[str], exit_code: int) -> None:
    assert _cli("workflows", "run", *arguments).exit_code == exit_code
    assert installation.rows("SELECT id FROM events") == []


def test_a_job_over_runs_of_a_workflow_that_does_not_exist_is_refused(installation: Harness) -> None:
    for options in (("--dry-run",), ()):
        refused = _cli("jobs", "create", "cancel", "--workflow", "tset", *options)
        assert refused.exit_code != 0
        assert "tset" in refused.output
    assert _cli("jobs", "list").stdout == "no jobs\n"
    assert _cli("jobs", "create", "cancel", "--workflow", "test", "--dry-run").stdout == "0 runs\n"
    assert _cli("jobs", "create", "cancel", "--dry-run").exit_code == 0


@pytest.mark.parametrize("reason", ["drained", "disabled"])
def test_events_that_were_skipped_are_counted_and_replayed(installation: Harness, reason: str) -> None:
    installation.deploy(a_workflow().action("a").path("$source", "a").trigger("test/skipped").document(), "skips")
    if reason == "drained":
        assert _cli("drain", "skips").exit_code == 0
    else:
        installation.runtime.authoring.set_enabled(DEFAULT_SCOPE, "skips", False)
    installation.send("test/skipped")
    installation.drain()
    wanted = ("jobs", "create", "replay", "--workflow", "skips", "--skipped", reason)
    assert _cli(*wanted, "--dry-run").stdout == "1 events\n"
    assert _cli(*wanted).stdout.endswith("replay 1 events\n")
    assert _cli("jobs", "create", "replay", "--skipped", "rate-limited").exit_code == 2
