"""An application with tasks of its own: they stay its own where the kit runs steps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery, _state, shared_task

from workflowkit import Event, Settings, StepContext, WorkflowKit
from workflowkit.dispatch.celery_app import create_celery
from workflowkit.dispatch.consumer import run_worker

PATIENCE_SECONDS = 60


@pytest.fixture
def host() -> Iterator[Celery]:
    """The host's own Celery, as Flask's documentation sets it up."""
    state: Any = _state
    before, current = state.default_app, state._tls.current_app
    host = Celery("host", broker="memory://", set_as_current=False)
    host.set_default()
    yield host
    state.set_default_app(before)
    state._set_current_app(current)


@shared_task(name="host.receipt")
def receipt(number: int) -> int:
    """Send a receipt."""
    return number


def whose() -> tuple[str, bool]:
    """Return to whose broker a task is sent from here, and whether its result could not be waited for."""
    state: Any = _state
    task: Any = receipt
    return task.app.main, state.task_join_will_block()


def test_steps_and_requests_send_tasks_of_the_host_to_the_host(host: Celery, sqlite_url: str) -> None:
    wk, seen, is_done = WorkflowKit("shop", database_url=sqlite_url), [], threading.Event()

    @wk.function("order", trigger=Event("order/paid"))
    def order(ctx: StepContext) -> None:
        seen.append(ctx.step.run("receipt", lambda: [*whose()]))
        is_done.set()

    wk.start()
    try:
        wk.send({"name": "order/paid", "data": {}})
        assert is_done.wait(PATIENCE_SECONDS)
        request = threading.Thread(target=lambda: seen.append([*whose()]))
        request.start()
        request.join()
    finally:
        wk.stop()
    assert seen == [["host", False]] * 2


@pytest.mark.filterwarnings("ignore:You're running the worker with superuser")
def test_a_worker_process_leaves_the_hosts_tasks_to_the_host(host: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, bool]] = []
    app: Any = create_celery(Settings())

    def start(worker: Any) -> None:
        # In a thread, as steps are: what is current in the main one is Celery's own matter.
        thread = threading.Thread(target=lambda: seen.append(whose()))
        thread.start()
        thread.join()

    monkeypatch.setattr(app.Worker, "start", start)
    run_worker(app, queues=["default"], concurrency=1, name="w@shop", on_shutdown=lambda: None)
    assert seen == [("host", False)]
