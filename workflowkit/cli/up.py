"""``workflowkit up``: the dev server with an example, and one order sent through it, to see it work."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from workflowkit.assets import asset_dir, web_dir
from workflowkit.base.clock import monotonic_seconds, sleep
from workflowkit.cli import lifeline
from workflowkit.cli.client import ApiClient
from workflowkit.cli.devserver import DATABASE_NAME, STATE_DIRECTORY, DevServer
from workflowkit.cli.listening import DEFAULT_HOST, DEFAULT_PORT, listen, url_of
from workflowkit.cli.output import FAILED, Failure, dim, mark, plain, pretty, short, status
from workflowkit.cli.processes import set_up_logging

WORKFLOW_ID = "orders"
_POLL_SECONDS = 0.02
#: The example takes a fraction of a second; whoever waits longer than this should be told where to look.
_DEADLINE_SECONDS = 30.0
_TERMINAL = ("completed", "failed", "cancelled", "skipped")


@click.command("up", short_help="Start the dev server with an example, and watch it work.")
@click.option("--once", is_flag=True, help="Stop after the example, with exit code 0 if its run completed.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help=f"Default: {DEFAULT_PORT}; with --once, or given 0, a free one."
)
def command(once: bool, port: int | None) -> None:
    """Start the dev server with an example application, send an order to it, and watch its workflow run.

    The server stays, to be looked at, until Ctrl-C. The example is in examples/orders of the checkout.

    \b
    workflowkit up
    workflowkit up --once
    """
    example = _example()
    listener = listen(DEFAULT_HOST, port if port is not None else 0 if once else DEFAULT_PORT)
    url = url_of(listener)
    server = DevServer(
        f"{example / 'app.py'}:wk", STATE_DIRECTORY / DATABASE_NAME, lambda: {WORKFLOW_ID: example / "workflow.json"},
        url=url,
    )  # fmt: skip
    is_completed = False
    with _serving(server, listener) as wait:
        with contextlib.closing(ApiClient(url)) as client:
            is_completed = _run_example(client, example)
        click.echo()
        for label, path in _places():
            click.echo(f"  {dim(f'{label:13}')} {click.style(url + path, fg='cyan')}")
        if not once:
            click.echo(f"  {dim('the server stays until Ctrl-C')}")
            wait()
    sys.exit(0 if is_completed or not once else FAILED)


def _places() -> list[tuple[str, str]]:
    """Return what there is to look at, with its path; the editor only where it was built."""
    editor = [("editor", f"/workflows/{WORKFLOW_ID}")] if web_dir() is not None else []
    return [*editor, ("API and docs", "/api/docs")]


def _example() -> Path:
    try:
        return asset_dir("examples") / "orders"
    except FileNotFoundError:
        raise Failure("the example is not installed; it is in a checkout, or start `workflowkit dev`") from None


@contextlib.contextmanager
def _serving(server: DevServer, listener: socket.socket) -> Iterator[Callable[[], None]]:
    """Serve in a process of its own; give a function that waits for its end. It ends with the block.

    This process stays small: it forks before anything heavy is imported, and is the client.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(write)
        _become_server(server, listener, read)
    os.close(read)
    listener.close()
    has_ended = threading.Event()
    signal.signal(signal.SIGTERM, _raise_interrupt)
    try:
        yield lambda: _wait_for(pid, has_ended)
    except KeyboardInterrupt:
        click.echo()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second Ctrl-C ends us at once, and by the pipe the server
        os.close(write)
        if not has_ended.is_set():
            os.waitpid(pid, 0)


def _become_server(server: DevServer, listener: socket.socket, lifeline_end: int) -> None:
    os.setsid()  # Ctrl-C is for our parent, whose end we notice
    code = FAILED
    try:
        lifeline.follow(lifeline_end)
        set_up_logging("warning")
        from workflowkit.cli.webserver import Server, ServerOptions

        Server(server, listener, ServerOptions()).run()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else FAILED
    finally:
        sys.stderr.flush()
        os._exit(code)


def _wait_for(pid: int, has_ended: threading.Event) -> None:
    os.waitpid(pid, 0)
    has_ended.set()


def _raise_interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _run_example(client: ApiClient, example: Path) -> bool:
    """Send the order and print what becomes of it; tell whether its run completed."""
    event = json.loads((example / "order.json").read_text())
    click.echo(f"{click.style('Workflow Kit', bold=True)}  {dim('starting on')} {client.url}\n")
    client.get("/api/health/ready")
    click.echo(f"  {dim('sent')}  {event['name']} {short(event['data'], 76)}")
    (accepted,) = client.post("/api/events", event)["results"]
    run = _follow(client, _run_of(client, accepted["id"]))
    click.echo(f"\n  {status(run['status'])} {dim('in ' + _took(run))}")
    if run["error"] is not None:
        click.echo(f"  {plain(run['error']['name'])}: {plain(run['error']['message'])}")
    if run["output"] is not None:
        click.echo(pretty(run["output"], "    "))
    click.echo(f"\n  {dim('this run')}      {client.url}/runs/{run['id']}")
    return bool(run["status"] == "completed")


def _run_of(client: ApiClient, event_id: str) -> str:
    """Return the id of the run that an event starts, as soon as it has."""
    for _ in _polling():
        event = client.get(f"/api/events/{event_id}")
        if event["runs"]:
            run_id: str = event["runs"][0]["id"]
            return run_id
        if not event["is_pending"]:
            break
    raise Failure("the event started no run")


def _follow(client: ApiClient, run_id: str) -> dict[str, Any]:
    """Print the steps of a run, each when it has ended; return the run when it has."""
    shown: set[str] = set()
    for _ in _polling():
        run: dict[str, Any] = client.get(f"/api/runs/{run_id}")
        if not shown:
            click.echo(f"  {dim('run')}   {plain(run['workflow_name'])}\n")
        for step in run["steps"]:
            if step["status"] in _TERMINAL and step["id"] not in shown:
                shown.add(step["id"])
                click.echo(f"  {_step_line(step)}")
        if run["status"] in _TERMINAL:
            return run
    raise Failure(f"the run goes on; look at {client.url}/api/runs/{run_id}")


def _step_line(step: dict[str, Any]) -> str:
    attempts = len(step["attempts"])
    if step["error"] is not None:
        told = plain(step["error"]["message"])
    else:
        told = short(step["output"], 56) if step["status"] == "completed" else dim(step["reason"] or "")
    return "  ".join(
        (
            f"{mark(step['status'])} {plain(step['name']):20}",
            status(step["status"], text=f"{step['status']:9}"),
            dim(f"{attempts or ''}{'x' if attempts else ' '} {_took(step):>7}"),
            told,
        )
    )


def _took(ended: dict[str, Any]) -> str:
    """Return how long a run or a step took, from its start to its end."""
    if ended["started_at"] is None or ended["finished_at"] is None:
        return ""
    started, finished = (datetime.fromisoformat(ended[key]) for key in ("started_at", "finished_at"))
    return f"{(finished - started).total_seconds() * 1000:.0f} ms"


def _polling() -> Iterator[None]:
    """Yield at intervals until the deadline."""
    ends_at = monotonic_seconds() + _DEADLINE_SECONDS
    while monotonic_seconds() < ends_at:
        yield
        sleep(_POLL_SECONDS)
