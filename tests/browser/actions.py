"""An application whose actions use everything that a JSON Schema can ask a form for."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, TypedDict

from workflowkit import ActionError, RetryAfterError, StepContext, WorkflowKit

wk = WorkflowKit("browser")

wk.declare_event("declared/placed", {"type": "object", "properties": {"total": {"type": "number"}}})
wk.declare_event("declared/refunded", {"type": "object", "properties": {"amount": {"type": "number"}}})

wk.declare_event(
    "declared/invoiced",
    {
        "type": "object",
        "properties": {
            "total": {"type": "number", "title": "Total"},
            "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
        },
    },
)

LINE = {"sku": {"type": "string", "title": "Sku"}, "pieces": {"type": "integer", "title": "Pieces", "minimum": 1}}

EVERYTHING: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "title": "Name", "minLength": 2},
        "mode": {"type": "string", "title": "Mode", "enum": ["fast", "slow"]},
        "count": {"type": "integer", "title": "Count", "minimum": 1, "maximum": 10},
        "ratio": {"type": "number", "title": "Ratio"},
        "active": {"type": "boolean", "title": "Active"},
        "mail": {"type": "string", "format": "email", "title": "Mail"},
        "notes": {"type": "string", "title": "Notes", "ui": {"widget": "textarea"}},
        "tags": {"type": "array", "title": "Tags", "items": {"type": "string", "title": "Tag"}},
        "address": {
            "type": "object",
            "title": "Address",
            "properties": {"zip": {"type": "string", "title": "Zip"}, "floor": {"type": "integer", "title": "Floor"}},
        },
        "lines": {
            "type": "array",
            "title": "Lines",
            "items": {"type": "object", "title": "Line", "properties": LINE},
        },
        "headers": {"type": "object", "title": "Headers", "additionalProperties": {"type": "string"}},
        "pay": {
            "title": "Pay",
            "discriminator": {"propertyName": "by"},
            "oneOf": [
                {
                    "type": "object",
                    "title": "By card",
                    "required": ["by", "number"],
                    "properties": {"by": {"const": "card"}, "number": {"type": "string", "title": "Number"}},
                },
                {
                    "type": "object",
                    "title": "By bank",
                    "required": ["by", "iban"],
                    "properties": {
                        "by": {"const": "bank"},
                        "iban": {"type": "string", "title": "IBAN", "minLength": 4},
                    },
                },
            ],
        },
        "password": {"type": "string", "title": "Password", "format": "password"},
        "when": {"type": "string", "title": "When", "format": "date-time"},
        "level": {"type": "string", "title": "Level", "default": "info"},
        "internal": {"type": "object", "title": "Internal", "x-hidden": True},
    },
}


@wk.action("lookup", name="Look up a customer", category="Shop")
def lookup(ctx: StepContext, email: str) -> dict[str, Any]:
    """Find a customer by e-mail."""
    return {"email": email, "name": "Ada", "orders": 3}


@wk.action("everything", name="Everything", category="Shop", inputs=EVERYTHING)
def everything(ctx: StepContext, inputs: dict[str, Any]) -> dict[str, Any]:
    """Take a value of every kind."""
    return inputs


@wk.action("patient", name="Wait for a file", category="Shop", external=False)
def patient(path: str) -> str:
    """End as soon as there is such a file; also told when it was ended before."""
    begun, file = Path(f"{path}.begun"), Path(path)
    begun.touch()
    try:
        while not file.exists():
            threading.Event().wait(0.02)  # an interrupt arrives between two of these
        return file.read_text()
    finally:
        begun.unlink()


@wk.action("chatty", name="Say something", category="Shop", retries=1)
def chatty(ctx: StepContext, text: str, fails: bool = False) -> str:
    """Log lines of several levels; fail the first time, if asked to."""
    ctx.logger.info("attempt %d: %s", ctx.attempt + 1, text)
    if fails and ctx.attempt == 0:
        ctx.logger.error("it does not work")
        raise RetryAfterError("not yet", 1)
    return text


@wk.action("charge", name="Charge the card", category="Shop")
def charge(ctx: StepContext, card: str) -> dict[str, Any]:
    """Fail until tomorrow."""
    raise RetryAfterError("the bank is away", 24 * 3600)


CHANNELS = {"acme": {"C1": "#general", "C2": "#orders"}, "initech": {"C3": "#tps", "C4": "#printers"}}


def list_channels(account: str, token: str = "") -> list[tuple[str, str]]:
    """The channels of an account; ``token`` shows what reaches the server of a secret field."""
    if account == "closed":
        raise ActionError("log in at the chat first")
    return [*CHANNELS.get(account, {}).items(), *([("seen", token)] if token else [])]


def find_people(search: str) -> list[str]:
    """People by a part of their name: there are many."""
    return [name for name in (f"person-{number}" for number in range(3_000)) if search in name]


@wk.action(
    "post",
    name="Post a message",
    category="Shop",
    options={"account": lambda: list(CHANNELS), "channel": list_channels, "people": find_people},
)
def post(account: str, channel: str, people: list[str], token: str = "") -> None:
    """Post a message into a channel."""


PEOPLE = {"ada@example.com": "Ada Lovelace", "bob@example.com": "Bob", "group:finance": "Finance"}


@wk.people
def whom_to_ask() -> list[tuple[str, str]]:
    """Whom approvals may ask."""
    return list(PEOPLE.items())


class Order(TypedDict):
    id: str
    total: float


@wk.action("load_order", name="Load an order", category="Shop")
def load_order(id: str) -> Order:
    """Find an order by its number."""
    return {"id": id, "total": 1.0}


@wk.action("deliver_order", name="Deliver an order", category="Shop")
def deliver_order(order: Order, note: str = "") -> None:
    """Hand an order to the carrier."""


@wk.action("count_orders", name="Number of orders", category="Shop")
def count_orders() -> int:
    """Count all orders."""
    return 3


@wk.action("large", name="Return much", category="Shop")
def large(size_bytes: int) -> dict[str, Any]:
    """Return many rows, with a needle among them."""
    rows = [{"number": number, "text": "hay " * 20} for number in range(size_bytes // 110)]
    rows[len(rows) // 2]["text"] = "the needle"
    return {"rows": rows}
