"""The installation: its processes, and how it is doing."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import Answer, described, flag, many, moment, text, whole
from workflowkit.store.backlog import COUNTED
from workflowkit.store.workers import Role

_UP_TO = f"Counted up to {COUNTED}."


class WorkerProcess(Answer):
    """A process that executes steps, or one that finds what is due."""

    id = text("Its id, a new one at each start.")
    role = text("What it does.", validate=validate.OneOf([role.value for role in Role]))
    name = text("What its logs call it.")
    host = text("The machine.")
    pid = whole("The number of the process there.")
    version = text("The version of Workflow Kit.")
    queues = fields.List(fields.String(), **described("The queues that it takes steps from."))
    concurrency = whole("How many steps it executes at a time.")
    busy_count = whole("How many steps it held when it last reported itself.")
    started_at = moment("When it was started.")
    seen_at = moment("When it last reported itself, which it does every 10 seconds.")
    is_silent = flag("Whether it has missed several reports: it was killed, or cannot reach the database.")


class WorkerList(Answer):
    """Processes."""

    items = many(WorkerProcess, "Those that were started first come first. One that ends properly is not listed.")


class ConnectionApp(Answer):
    """An app of a worker that is connected."""

    id = text("Its id.")
    version = text("The version of its code that the worker has, if it says one.", nullable=True)


class Connection(Answer):
    """A worker of apps that is connected."""

    id = text("Its id, a new one at each connection.")
    environment = text("The environment of its apps.")
    instance = text("What the worker calls itself.")
    apps = many(ConnectionApp, "The apps whose functions it executes.")
    status = text(
        "Whether it takes calls: only one that is ready does.",
        validate=validate.OneOf(["connected", "ready", "draining"]),
    )
    sdk = text("Its language and the version of its SDK.")
    max_requests = whole("How many calls it takes at a time.")
    busy_count = whole("How many it has.")
    connected_at = moment("When it connected.")
    seen_at = moment("When its gateway last said that it is there, which it does every 5 seconds.")


class ConnectionList(Answer):
    """Workers of apps that are connected."""

    items = many(Connection, "Those that connected first come first.")


class QueueState(Answer):
    """A queue of steps."""

    name = text("The queue.")
    due_count = whole(f"Steps that a worker could take now. {_UP_TO}")
    oldest_at = moment("Since when the first of them waits; null if none does.", nullable=True)
    worker_count = whole("Processes that serve it and are not silent.")


class DatabaseState(Answer):
    """The database."""

    kind = text("Which one.", validate=validate.OneOf(["sqlite", "postgresql"]))
    latency_ms = fields.Float(**described("How long a look at all queues took."))
    revision = text("The revision of its tables.", nullable=True)
    is_current = flag("Whether these are the tables that this version needs.")


class BrokerState(Answer):
    """The broker, which wakes workers."""

    kind = text("Which one.", validate=validate.OneOf(["in-process", "redis"]))
    is_reachable = flag("Whether this process can reach it.")
    trouble = text("Why not.", nullable=True)


class RelayState(Answer):
    """The relay, which finds what is due and was not hinted."""

    lag_ms = whole("How late it is. More than a few seconds: no worker or scheduler runs, or they are behind.")


class SystemState(Answer):
    """How the installation is doing, all tenants together."""

    at = moment("When this was so.")
    queues = many(QueueState, "Queues in which steps are due, or that a process serves.")
    pending_event_count = whole(f"Events that were not matched yet. {_UP_TO}")
    lane_count = whole(f"Lanes: workflows of tenants whose steps wait for a limit. {_UP_TO}")
    queued_count = whole(f"Steps that wait there. {_UP_TO}")
    relay = fields.Nested(RelayState, **described("The relay."))
    database = fields.Nested(DatabaseState, **described("The database."))
    broker = fields.Nested(BrokerState, **described("The broker."))
