"""The application on the pictures of the user guide: a shop with a few actions and functions."""

from __future__ import annotations

from typing import Any

from workflowkit import Cron, Event, RetryAfterError, StepContext, WorkflowKit

wk = WorkflowKit("shop", app_version="2.4.0")


@wk.action("find_customer", name="Find the customer", category="Shop", icon="user", external=False)
def find_customer(ctx: StepContext, email: str) -> dict[str, Any]:
    """Find a customer by e-mail.

    Args:
        email: The address that was ordered with.
    """
    ctx.logger.info("looking for %s", email)
    return {"name": "Ada Lovelace", "email": email, "orders": 3}


@wk.action("charge_card", name="Charge the card", category="Shop", icon="bolt")
def charge_card(ctx: StepContext, amount: float) -> dict[str, Any]:
    """Charge the customer's card.

    Args:
        amount: How much, in euros.
    """
    ctx.logger.info("charging %s, attempt %d", amount, ctx.attempt + 1)
    if ctx.attempt == 0:
        ctx.logger.warning("the bank does not answer")
        raise RetryAfterError("the bank does not answer", 1)
    return {"receipt": "R-1017", "amount": amount}


@wk.function("welcome", trigger=Event("shop/customer.created"), concurrency={"limit": 5})
def welcome(ctx: StepContext) -> str:
    """Greet a new customer."""
    return "Welcome"


@wk.function("report", trigger=Cron("0 8 * * 1-5"))
def report(ctx: StepContext) -> str:
    """Send the report of the day."""
    return "sent"


@wk.function("dunning", trigger=Event("shop/invoice.failed"), retries=0)
def dunning(ctx: StepContext) -> None:
    """Remind of an invoice."""
    raise ValueError("the invoice is not there")
