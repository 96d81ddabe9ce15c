"""``workflowkit doctor``: is everything here that an installation needs?"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from workflowkit.base.clock import SystemClock
from workflowkit.base.errors import StoreUnavailable
from workflowkit.base.settings import LOCAL_BROKER_URL, Settings, unknown_variables
from workflowkit.cli.loading import app_argument, load_app, load_settings
from workflowkit.cli.output import FAILED, dim, emit_json, plain, status, table
from workflowkit.cli.target import sqlite_path, target_settings

if TYPE_CHECKING:
    from workflowkit.app import WorkflowKit
    from workflowkit.base.secrets import Keyring
    from workflowkit.store.database import Database

#: How far this machine's clock may be from the database's before somebody should know.
CLOCK_TOLERANCE_MS = 5_000
#: What waits longer than this is not on its way to a worker any more.
LATE_MS = 30_000
_PASSWORD = re.compile(r"(?<=://)([^/@:]*):[^/@]*@|(?<=[?&])(password)=[^&]*", re.IGNORECASE)
_WORDS = {"ok": "completed", "warning": "cancelled", "problem": "failed"}
_FALLBACKS = {"database_url": "DATABASE_URL", "broker_url": "REDIS_URL"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "warning", "problem"]
    detail: str


_NO_KEY = Finding(
    "secrets",
    "warning",
    "without WORKFLOWKIT_SECRET_KEY there are no stored secrets, no embed tokens and no links of approvals; "
    '"main:$(openssl rand -base64 32)" makes one',
)


@click.command("doctor", short_help="Check that an installation has what it needs.")
@app_argument
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_context
def command(ctx: click.Context, app: str | None, as_json: bool) -> None:
    """Check that an installation has what it needs, and show its settings and where they come from.

    Changes nothing. Secrets are masked. Exit code 1: something keeps it from working.

    \b
    workflowkit doctor shop.app:wk
    """
    loaded = None if app is None or Path(app).is_dir() else load_app(app)
    settings = target_settings(loaded)
    findings = [*_examine(app, settings), *_compare(loaded, settings)]
    shown = [*_settings(settings, None if loaded is None else loaded.settings)]
    if as_json:
        emit_json(
            {
                "checks": [{"name": one.name, "state": one.state, "detail": one.detail} for one in findings],
                "settings": {name: {"value": value, "source": source} for name, value, source in shown},
            }
        )
    else:
        for one in findings:
            word = status(_WORDS[one.state], text=f"{one.state:8}")
            click.echo(f"{word} {one.name:11} {plain(one.detail)}")
        rows = [(name, plain(value), dim(source)) for name, value, source in shown]
        click.echo("\n" + table(rows, headers=("setting", "value", "from")))
    ctx.exit(FAILED if any(one.state == "problem" for one in findings) else 0)


def _examine(app: str | None, settings: Settings) -> Iterator[Finding]:
    yield Finding("python", "ok", f"{platform.python_version()}, {sys.executable}")
    registry = load_app(app).registry
    yield Finding(
        "actions", "ok", f"{len(registry)} kinds" + ("" if app else ", the built-in ones; name your APP to check it")
    )
    for message in unknown_variables(os.environ):
        yield Finding("environment", "warning", message)
    yield from _examine_database(settings)
    yield _examine_broker(settings)


def _compare(app: WorkflowKit | None, settings: Settings) -> Iterator[Finding]:
    """Tell where the database on which the application's processes work is not the one that somebody would think."""
    if app is None:
        return
    own, said = app.settings.database_url, load_settings().database_url
    if own != settings.database_url:
        yield Finding(
            "application", "warning",
            f"its database is {masked(own)}; what was looked at is the dev server's in this directory",
        )  # fmt: skip
    elif own != said and any(os.environ.get(name) for name in ("WORKFLOWKIT_DATABASE_URL", "DATABASE_URL")):
        yield Finding(
            "application", "warning", f"its database is {masked(own)}, though the environment says {masked(said)}"
        )


def _examine_database(settings: Settings) -> Iterator[Finding]:
    shown = masked(settings.database_url)
    path = sqlite_path(settings.database_url)
    if path is not None and not path.exists():  # opening it would make it
        yield Finding("database", "problem", f"there is no file {path}: run `workflowkit migrate`")
        return
    from workflowkit.store.database import Database

    try:
        database = Database.open(settings.database_url, schema=settings.database_schema)
    except Exception as error:  # an unknown scheme, a driver that is not installed
        yield Finding("database", "problem", f"{shown}: {type(error).__name__}: {error}")
        return
    try:
        yield from _examine_open_database(database, shown, settings)
    except StoreUnavailable as error:
        yield Finding("database", "problem", f"{shown}: {error.detail.get('driver_message', error.message)}")
    finally:
        database.close()


def _examine_open_database(database: Database, shown: str, settings: Settings) -> Iterator[Finding]:
    from workflowkit.cli.migrate import standing

    revision, trouble = standing(database)
    yield Finding("database", "ok", shown)
    if trouble is not None:
        yield Finding("migrations", "problem", trouble)
        return
    yield Finding("migrations", "ok", f"at {revision}")
    with database.read() as tx:
        apart_ms = abs(tx.now_ms - SystemClock().now_ms())
        backlog = _backlog(tx)
    state: Literal["ok", "warning"] = "ok" if apart_ms < CLOCK_TOLERANCE_MS else "warning"
    yield Finding("clock", state, f"{apart_ms} ms from the database's, which counts")
    yield backlog
    if (secrets := _examine_secrets(database, settings)) is not None:
        yield secrets


def _examine_secrets(database: Database, settings: Settings) -> Finding | None:
    """Open one stored secret for each key that they are encrypted with; ``None`` if there are none, and may be.

    A key of the right id need not be the right one.
    """
    from workflowkit.base.secrets import SecretUnreadable
    from workflowkit.runtime.secrets import place_of
    from workflowkit.store import secrets

    with database.read() as tx:
        samples = secrets.samples(tx)
    key_file = _key_file(settings)
    if not samples:
        return _NO_KEY if settings.secret_key is None and key_file is None else None
    try:
        keyring = _keyring(settings, key_file)
    except ValueError as error:
        return Finding("secrets", "problem", f"{key_file}: {error}")
    if keyring is None:
        lacking = "WORKFLOWKIT_SECRET_KEY is not set here" + (
            "" if key_file is None else f", and there is no {key_file}"
        )
        return Finding("secrets", "problem", f"there are some, and {lacking}")
    wrong = []
    for key_id, record in samples.items():
        try:
            keyring.open(record.sealed, place_of(record.scope, record.name))
        except SecretUnreadable:
            held = "WORKFLOWKIT_SECRET_KEY" if settings.secret_key is not None else key_file
            known = "another key has this id" if key_id in keyring.keys else f"not in {held}"
            wrong.append(f"{key_id!r} ({known})")
    if wrong:
        return Finding("secrets", "problem", f"what is stored does not open with the key {', '.join(wrong)}")
    return Finding("secrets", "ok", f"those tried open, of {len(samples)} key{'s' if len(samples) > 1 else ''}")


def _key_file(settings: Settings) -> Path | None:
    """Return where an installation on a SQLite file has its key, unless one is set; ``None`` for other databases."""
    path = sqlite_path(settings.database_url)
    return None if path is None else path.with_name(f"{path.name}.secret-key")


def _keyring(settings: Settings, key_file: Path | None) -> Keyring | None:
    """Return the keys that the processes here have; makes none. Raises ``ValueError`` for a file without any."""
    from workflowkit.base.secrets import Keyring

    if settings.secret_key is not None:
        return Keyring.parse(settings.secret_key)
    return Keyring.from_file(key_file) if key_file is not None and key_file.exists() else None


def _backlog(tx: Any) -> Finding:
    """Tell whether anybody works: what has been due for long is what no worker took."""
    import sqlalchemy as sa

    from workflowkit.store import schema

    event, pending, step = schema.events, schema.pending_events, schema.steps
    late_ms = tx.now_ms - LATE_MS
    unmatched = sa.select(sa.func.count()).join_from(pending, event, pending.c.id == event.c.id)
    untaken = sa.select(sa.func.count()).select_from(step).where(step.c.status == "ready", step.c.due_at_ms < late_ms)
    events = tx.connection.scalar(unmatched.where(event.c.received_at_ms < late_ms))
    steps = tx.connection.scalar(untaken)
    if events or steps:
        return Finding(
            "workers", "warning", f"{events} events and {steps} steps wait for more than 30 s: does a worker run?"
        )
    return Finding("workers", "ok", "nothing waits for a worker")


def _examine_broker(settings: Settings) -> Finding:
    if settings.broker_url == LOCAL_BROKER_URL:
        return Finding("broker", "ok", "inside the process; for several processes set WORKFLOWKIT_BROKER_URL")
    from workflowkit.dispatch.broker import broker_trouble

    if (trouble := broker_trouble(settings.broker_url)) is not None:
        return Finding("broker", "problem", f"{masked(settings.broker_url)}: {trouble}")
    return Finding("broker", "ok", masked(settings.broker_url))


def masked(url: str) -> str:
    """Return a URL without its password."""
    return _PASSWORD.sub(lambda found: f"{found[2]}=***" if found[2] else f"{found[1]}:***@", url)


def _settings(settings: Settings, own: Settings | None) -> Iterator[tuple[str, str, str]]:
    """Yield name, value and source of every setting; limits only where they are not the default."""
    said = load_settings()
    for one in fields(settings):
        if one.name == "limits":
            continue
        value = getattr(settings, one.name)
        if value == getattr(said, one.name):
            source = _source(f"WORKFLOWKIT_{one.name.upper()}", _FALLBACKS.get(one.name))
        elif own is not None and value == getattr(own, one.name):
            source = "the application"
        else:
            source = "the dev server in this directory"
        if not one.repr and value is not None:
            value = "***"
        shown = ",".join(value) if isinstance(value, tuple) else masked(str(value))
        yield one.name, shown, source
    for limit in fields(settings.limits):
        value = getattr(settings.limits, limit.name)
        if value != limit.default:
            yield f"limits.{limit.name}", str(value), f"WORKFLOWKIT_LIMIT_{limit.name.upper()}"


def _source(variable: str, fallback: str | None) -> str:
    for name in (variable, fallback):
        if name is not None and os.environ.get(name):
            return name
    return "default"
