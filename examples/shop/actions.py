"""What workflows can do in this shop. Their names, forms and documentation come from these signatures."""

from __future__ import annotations

from typing import TypedDict

from sqlalchemy.orm import Session, sessionmaker

from workflowkit import NonRetriableError, StepContext, WorkflowKit

from .models import Article, Order, Payment


class Price(TypedDict):
    """What an order costs."""

    amount: int
    is_large: bool


class Paid(TypedDict):
    """The payment."""

    payment: str


def register(wk: WorkflowKit, sessions: sessionmaker[Session]) -> None:
    """Add the shop's actions to ``wk``."""

    @wk.action("shop/price", name="Price an order", category="Shop")
    def price(order_id: int) -> Price:
        """Work out what an order costs.

        Args:
            order_id: The order.
        """
        with sessions() as session:
            order = _order(session, order_id)
            amount = session.get_one(Article, order.article).price * order.quantity
            return {"amount": amount, "is_large": amount >= 100}

    @wk.action("shop/charge", name="Charge the customer", category="Shop")
    def charge(ctx: StepContext, order_id: int, amount: int) -> Paid:
        """Take the money, once, however often this is tried.

        Args:
            order_id: The order.
            amount: In euros.
        """
        with sessions.begin() as session:
            if session.get(Payment, ctx.idempotency_key) is None:
                session.add(Payment(key=ctx.idempotency_key, order_id=order_id, amount=amount))
        return {"payment": ctx.idempotency_key}

    @wk.action("shop/ship", name="Ship an order", category="Shop")
    def ship(order_id: int, carrier: str = "post") -> dict[str, str]:
        """Hand an order over to a carrier.

        Args:
            order_id: The order.
            carrier: Who brings it.
        """
        with sessions.begin() as session:
            _order(session, order_id).status = f"shipped by {carrier}"
        return {"carrier": carrier}


def _order(session: Session, order_id: int) -> Order:
    order = session.get(Order, order_id)
    if order is None:
        raise NonRetriableError(f"there is no order {order_id}")
    return order
