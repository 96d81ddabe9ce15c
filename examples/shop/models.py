"""The shop's own tables. They live in one database with those of Workflow Kit, which is all that the two share."""

from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Article(Base):
    __tablename__ = "shop_articles"

    name: Mapped[str] = mapped_column(primary_key=True)
    price: Mapped[int]
    stock: Mapped[int]


class Order(Base):
    __tablename__ = "shop_orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[str]
    article: Mapped[str]
    quantity: Mapped[int]
    status: Mapped[str] = mapped_column(default="placed")


class Payment(Base):
    """A payment, once per key: an action that is repeated finds the one it made before."""

    __tablename__ = "shop_payments"

    key: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[int]
    amount: Mapped[int]
