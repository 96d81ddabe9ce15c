"""A free trial as a code function: greet, wait three days, wait for a card, charge it in a run of its own.

    ./wk dev examples/trial/app.py:wk
    ./wk send trial/started --data '{"user": "u-1", "email": "ada@example.com"}'
    ./wk send billing/card.added --data '{"user": "u-1", "card": "4242"}'

or, in memory, with the waiting skipped:

    ./wk run trial/trial --actions examples/trial/app.py:wk --data '{"user": "u-1", "email": "ada@example.com"}'
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from workflowkit import Event, NonRetriableError, StepContext, WorkflowKit

wk = WorkflowKit("trial", app_version="1")

MONTHLY_CENTS = 900
#: Cards that this bank refuses.
STOLEN = frozenset({"0000"})

mails: list[tuple[str, str]] = []
accounts: dict[str, str] = {}


@dataclass(frozen=True)
class Receipt:
    number: str
    cents: int


def send_mail(to: str, text: str) -> None:
    mails.append((to, text))


def set_plan(user: str, plan: str) -> str:
    accounts[user] = plan
    return plan


def charge_card(card: str, cents: int, key: str) -> Receipt:
    """Ask the bank. ``key`` lets it refuse doubles: a step may be executed more than once."""
    if card in STOLEN:
        raise NonRetriableError("the bank refuses this card")
    return Receipt(f"R-{key[:6]}", cents)


@wk.function("charge", triggers=[], retries=8, output_type=Receipt)
def charge(ctx: StepContext) -> Receipt:
    """Charge a card and send the receipt; with more patience than whoever waits for it."""
    data = ctx.event["data"]
    receipt = ctx.step.run("bank", charge_card, data["card"], data["cents"], ctx.idempotency_key, output_type=Receipt)
    ctx.step.run("receipt", send_mail, data["email"], f"Receipt {receipt.number}")
    return receipt


def tell_support(ctx: StepContext) -> None:
    """Tell a person about a trial that failed, and let the customer keep what they have meanwhile."""
    failed = ctx.event["data"]
    user = failed["event"]["data"]["user"]
    ctx.step.run("keep", set_plan, user, "trial")
    ctx.step.run("tell", send_mail, "support@example.com", f"trial of {user}: {failed['error']['message']}")


def close_account(ctx: StepContext) -> None:
    """Clean up after a trial that was cancelled."""
    ctx.step.run("close", set_plan, ctx.event["data"]["event"]["data"]["user"], "closed")


@wk.function(
    "trial",
    trigger=Event("trial/started"),
    cancel_on=[{"event": "user/deleted", "match": "data.user"}],
    on_failure=tell_support,
    on_cancel=close_account,
)
def trial(ctx: StepContext) -> str:
    """Lead a customer through the trial, from the first mail to a plan."""
    user, email = ctx.event["data"]["user"], ctx.event["data"]["email"]
    ctx.step.run("open", set_plan, user, "trial")
    ctx.step.run("greet", send_mail, email, "Welcome! You have two weeks.")
    ctx.step.sleep("settle", timedelta(days=3))
    ctx.logger.info("reminding %s", user)
    ctx.step.run("remind", send_mail, email, "Eleven days left: add a card to stay.")

    added = ctx.step.wait_for_event(
        "card", "billing/card.added", match="data.user", timeout=timedelta(days=11), lookback=timedelta(days=3)
    )
    if added is None:
        ctx.step.run("goodbye", send_mail, email, "Your trial has ended.")
        return ctx.step.run("close", set_plan, user, "closed")

    receipt = ctx.step.invoke(
        "charge", charge, {"card": added["data"]["card"], "cents": MONTHLY_CENTS, "email": email}, timeout="7d"
    )
    ctx.step.run("thank", send_mail, email, f"Thank you for {receipt.cents / 100:.2f} EUR.")
    return ctx.step.run("upgrade", set_plan, user, "paid")
