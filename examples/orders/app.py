"""The order desk of a small shop: the actions that its workflows are made of.

``./wk up`` serves this application. What happens to an order, and in which sequence, is decided by `workflow.json`,
which the people of the shop may change without touching this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from workflowkit import NonRetriableError, StepContext, WorkflowKit

wk = WorkflowKit("orders")

STOCK = {"tea": 40, "kettle": 5, "teapot": 3}
PRICES = {"tea": 8, "kettle": 95, "teapot": 120}
#: How many days each carrier takes at best.
CARRIERS = {"courier": 1, "post": 3, "freight": 5}


@dataclass
class Item:
    """One line of an order."""

    article: str
    quantity: int


class Stock(TypedDict):
    """What the check found."""

    total: int
    articles: list[str]


@wk.action("check_stock", category="Orders", retries=2)
def check_stock(items: list[Item]) -> Stock:
    """Find out whether everything that was ordered is there, and what it costs.

    Args:
        items: The lines of the order.
    """
    for item in items:
        if item.quantity > STOCK.get(item.article, 0):
            raise NonRetriableError(f"there are not {item.quantity} of {item.article!r}")
    return {
        "total": sum(PRICES[item.article] * item.quantity for item in items),
        "articles": [item.article for item in items],
    }


def list_carriers(days: int = max(CARRIERS.values())) -> list[tuple[str, str]]:
    """List who is quick enough, for the form in which a carrier is chosen."""
    return [(name, f"{name.capitalize()} ({quickest} d)") for name, quickest in CARRIERS.items() if quickest <= days]


@wk.action("choose_carrier", category="Orders", external=False, options={"name": list_carriers})
def choose_carrier(name: str, days: int) -> dict[str, str | int]:
    """Decide who brings the parcel.

    Args:
        name: The carrier.
        days: How long it takes.
    """
    return {"carrier": name, "days": days}


@wk.action("reserve_items", category="Orders")
def reserve_items(ctx: StepContext, items: list[Item]) -> dict[str, str | int]:
    """Put the ordered items aside.

    Args:
        items: The lines of the order.
    """
    # The same in every attempt, so that a repeated attempt reserves nothing twice.
    return {"reservation": f"R-{ctx.idempotency_key[:6]}", "pieces": sum(item.quantity for item in items)}


@wk.action("create_invoice", category="Orders")
def create_invoice(ctx: StepContext, customer: str, total: int) -> dict[str, str | int]:
    """Write the invoice.

    Args:
        customer: Who pays.
        total: How much, in euros.
    """
    return {"number": f"I-{ctx.idempotency_key[:6]}", "customer": customer, "total": total}
