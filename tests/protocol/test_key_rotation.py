"""Signing keys are changed step by step, on the server and in its apps, and no run notices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import inngest
import pytest
from sdkapps import SdkApp, a_server, eventually

from workflowkit.engine.states import RunStatus
from workflowkit.inngest.signing import key_hash
from workflowkit.runtime.keys import Keys
from workflowkit.store import queries

OLD, NEW = "signkey-test-12345678", "signkey-test-87654321"
SERVICES = ("shop", "mail", "stock")
#: The keys of the server, and those of its apps: what signs first, and what is taken as well.
STAGES = (((OLD, None), (OLD, None)), ((NEW, OLD), (OLD, None)), ((NEW, OLD), (NEW, OLD)), ((NEW, None), (NEW, None)))


@contextmanager
def a_stage(
    directory: Path, ours: tuple[str, str | None], theirs: tuple[str, str | None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[SdkApp]]:
    """Run the server and its apps with these keys."""
    current, fallback = ours
    with ExitStack() as stack:
        wk, url = stack.enter_context(
            a_server(
                directory, dev_mode=False, signing_key=current, signing_key_fallback=fallback,
                allow_private_networks=True,
            )
        )  # fmt: skip
        _, event_key = Keys(wk.runtime.database).create(wk.settings.scope, "apps", {"events:send"})
        signing_key, other = theirs
        if other is None:
            monkeypatch.delenv("INNGEST_SIGNING_KEY_FALLBACK", raising=False)
        else:
            monkeypatch.setenv("INNGEST_SIGNING_KEY_FALLBACK", other)
        apps = []
        for name in SERVICES:
            client = inngest.Inngest(
                app_id=name, is_production=True, api_base_url=url, event_api_base_url=url, event_key=event_key,
                signing_key=signing_key,
            )  # fmt: skip
            app = SdkApp(wk, url, client)
            synced = stack.enter_context(app.serve(functions_of(client, name)))
            assert synced.status_code == 200, synced.text
            apps.append(app)
        yield apps


def functions_of(client: inngest.Inngest, name: str) -> list[inngest.Function[Any]]:
    @client.create_function(fn_id="short", trigger=inngest.TriggerEvent(event=f"{name}/short"), retries=0)
    def short(ctx: inngest.ContextSync) -> int:
        return ctx.step.run("one", lambda: 1) + ctx.step.run("two", lambda: 2)

    @client.create_function(fn_id="long", trigger=inngest.TriggerEvent(event=f"{name}/long"), retries=0)
    def long(ctx: inngest.ContextSync) -> str:
        ctx.step.wait_for_event("on", event=f"{name}/go-on", timeout=3_600_000)
        return "went on"

    return [short, long]


def test_keys_are_changed_in_three_services_without_a_run_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_runs: list[str] = []
    for ours, theirs in STAGES:
        bearer = {"Authorization": f"Bearer {key_hash(ours[0])}"}
        with a_stage(tmp_path, ours, theirs, monkeypatch) as apps:
            sent = [(app, app.send(f"{app.client.app_id}/short")) for app in apps for _ in range(5)]
            for app, event_id in sent:
                run = app.run_of(event_id, headers=bearer)
                assert (run["status"], run["output"]) == ("Completed", 3)
            for app in apps:
                # Each call that an app refused was made again; that is learned with the first of them.
                assert len(app.requests) <= 5 * 3 * 2
            if not long_runs:
                long_runs = [app.send(f"{app.client.app_id}/long") for app in apps]
                for app, event_id in zip(apps, long_runs, strict=True):
                    eventually(partial(_is_waiting, app, event_id, bearer))
            if theirs == (NEW, None):
                for app, event_id in zip(apps, long_runs, strict=True):
                    app.send(f"{app.client.app_id}/go-on")
                    assert app.run_of(event_id, headers=bearer)["output"] == "went on"
                old = {"Authorization": f"Bearer {key_hash(OLD)}"}
                assert httpx.get(f"{apps[0].server}/v1/events", headers=old).status_code == 401


def _is_waiting(app: SdkApp, event_id: str, bearer: dict[str, str]) -> bool | None:
    run = app.run_of(event_id, ended=False, headers=bearer)
    with app.wk.runtime.database.read() as tx:
        status = queries.get_run(tx, app.wk.settings.scope, run["run_id"]).status
    return True if status is RunStatus.WAITING else None
