"""Runs that ask people, for the tests of approvals and callbacks."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from builders import a_workflow
from runtimes import Harness, a_registry

from workflowkit.base.jsonvalue import loads
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.engine.approvals import Verdict
from workflowkit.registry import Registry
from workflowkit.runtime.approvals import Approval, Choice

ADA, BOB, EVE = "ada@example.com", "bob@example.com", "eve@example.com"
#: What an installation with links has.
SECRET_KEY = f"test:{base64.b64encode(bytes(range(32))).decode()}"
PUBLIC_URL = "https://flows.example.com/wk"
FORM = {
    "type": "object",
    "properties": {
        "amount": {"type": "integer", "title": "Amount", "minimum": 1},
        "reason": {"type": "string", "title": "Reason", "ui": {"widget": "textarea"}},
        "kind": {"enum": ["refund", "voucher"], "title": "Kind"},
        "urgent": {"type": "boolean", "title": "Urgent"},
    },
    "required": ["amount"],
    "additionalProperties": False,
}


def durable(handler: Callable[..., Any], **options: Any) -> Registry:
    """Return a registry in which ``durable`` is this handler."""
    registry = a_registry()
    registry.action("durable", **({"retries": 0} | options))(handler)
    return registry


def start(harness: Harness, data: Any = None, *, scope: Scope = DEFAULT_SCOPE) -> None:
    """Run the ``durable`` handler until it waits or ends."""
    document = a_workflow().action("d", kind="durable").path("$source", "d").trigger("test/happened").document()
    harness.deploy(document, scope=scope)
    harness.send("test/happened", data, scope=scope)
    harness.drain()


def ask(harness: Harness, scope: Scope = DEFAULT_SCOPE, **inputs: Any) -> str:
    """Run a workflow that asks, by ``builtin:approval`` with these inputs, and return the approval's id."""
    document = (
        a_workflow("Refunds").action("ask", "builtin:approval", {"title": "Refund?"} | inputs).path("$source", "ask")
    )
    harness.deploy(document.trigger("test/happened").document(), scope=scope)
    harness.send("test/happened", scope=scope)
    harness.drain()
    (record,) = harness.runtime.approvals.find(scope, limit=1)
    return record.record.id


def output(harness: Harness, node_id: str = "ask") -> Any:
    """Return the output of a node of the only run, which has completed."""
    harness.drain()
    run = harness.run()
    assert run["status"] == "completed", run
    return loads(run["output"])[node_id]


def decide(
    harness: Harness, approval_id: str, verdict: str = "approved", actor: str = ADA, data: Any = None, **more: Any
) -> Approval:
    """Decide as an assignee."""
    choice = Choice(actor, Verdict(verdict), data=data, **more)
    return harness.runtime.approvals.decide(DEFAULT_SCOPE, approval_id, choice)


def told(harness: Harness, occasion: str) -> list[dict[str, Any]]:
    """Return the data of the events about approvals, in order."""
    rows = harness.rows("SELECT data FROM events WHERE name = :name ORDER BY id", name=f"workflow/approval.{occasion}")
    return [loads(row["data"]) for row in rows]


def token_of(harness: Harness, assignee: str, number: int = 0) -> str:
    """Return the secret part of somebody's link."""
    link: str = told(harness, "requested")[number]["links"][assignee]
    return link.rpartition("/")[2]
