"""What steps, branches and stubs are to type checkers: checked by running mypy on samples."""

from pathlib import Path

from typechecking import errors_by_line, mypy, wrong_lines

HEAD = """
import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, TypedDict, TypeVar, assert_type
from uuid import UUID

from pydantic import BaseModel

from workflowkit import AsyncStepContext, Event, StepContext, WorkflowKit
from workflowkit.testing import Scenario, Timeout, in_turn, run, run_step, stub

wk = WorkflowKit("shop")
T = TypeVar("T")


@dataclass
class Paid:
    cents: int


class Table(TypedDict):
    cents: int


class Model(BaseModel):
    cents: int


def paid(cents: int = 1) -> Paid:
    return Paid(cents)


async def later(cents: int = 1) -> Paid:
    return Paid(cents)


def mail(to: str, text: str, *, copy: str = "", tries: int = 1) -> str:
    return f"{to}{text}{copy}{tries}"


async def post(to: str, text: str, *, copy: str = "") -> list[str]:
    return [to, text, copy]


def page(number: int, *, size: int) -> int:
    return number * size


def table() -> Table:
    return {"cents": 1}


def model() -> Model:
    return Model(cents=1)


def several() -> list[Paid]:
    return []


def perhaps() -> Paid | None:
    return None


async def perhaps_later(cents: int) -> Paid | None:
    return None


def order(data: dict[str, Any]) -> dict[str, Any]:
    return data


async def order_later(data: dict[str, Any]) -> dict[str, Any]:
    return data


def pair() -> tuple[int, int]:
    return (1, 2)


def price() -> Decimal:
    return Decimal(1)


def number() -> UUID | None:
    return None


def unclear() -> Paid | str:
    return ""


async def count(start: int = 1) -> int:
    return start


def refund(charge: Paid) -> None:
    pass


def give_back(charge: dict[str, Any]) -> None:
    pass


@wk.function("charge", triggers=[], output_type=Paid)
def charge(ctx: StepContext) -> Paid:
    return Paid(1)


@wk.function("counted", triggers=[])
async def counted(ctx: AsyncStepContext) -> int:
    return 1
"""


RESULTS = """
def durable(ctx: StepContext, work: Callable[[], T]) -> T:
    return ctx.step.run("work", work)


@wk.function("fn", trigger=Event("a"))
def fn(ctx: StepContext) -> None:
    data = ctx.event["data"]
    assert_type(ctx.step.run("1", paid, 1), dict[str, Any])
    assert_type(ctx.step.run("2", paid, output_type=Paid, key="a"), Paid)
    assert_type(ctx.step.run("3", table), Table)
    assert_type(ctx.step.run("4", model), dict[str, Any])
    assert_type(ctx.step.run("5", several), list[dict[str, Any]])
    assert_type(ctx.step.run("6", several, output_type=list[Paid]), list[Paid])
    assert_type(ctx.step.run("7", lambda: datetime.now(UTC)), str)
    assert_type(ctx.step.run("8", lambda: {"a": 1}, retries=2, compensate=print), dict[str, int])
    assert_type(ctx.step.run("9", perhaps), dict[str, Any] | None)
    ctx.step.run("10", print, "hello", sep=",")
    assert_type(ctx.step.invoke("11", charge, {}), Paid)
    assert_type(ctx.step.invoke("12", counted), int)
    assert_type(ctx.step.invoke("13", "shop/charge"), Any)
    assert_type(ctx.step.invoke("14", "shop/charge", output_type=Paid), Paid)
    assert_type(ctx.step.run("15", mail, "ada", "hello"), str)
    assert_type(ctx.step.run("16", mail, "ada", text="hello", tries=2), str)
    assert_type(ctx.step.run("17", mail, "ada", "hello", key=1, retries=2), str)
    assert_type(ctx.step.run("18", partial(mail, copy="eve"), "ada", "hello", key=1), str)
    assert_type(ctx.step.run("19", page, 1, size=10), int)
    assert_type(ctx.step.run("20", pair), list[Any])
    assert_type(ctx.step.run("21", price), str)
    assert_type(ctx.step.run("22", number, retries=1), str | None)
    assert_type(ctx.step.run("23", Paid, 1), dict[str, Any])
    assert_type(ctx.step.run("24", max, 1, 2), int)
    ctx.step.run("25", unclear, output_type=Paid | str).cents
    assert_type(ctx.step.run("26", lambda: data["id"]), Any)
    assert_type(durable(ctx, lambda: 1), int)
    # What comes from an event is ``Any``, and the results are known nevertheless.
    assert_type(ctx.step.run("27", paid, data["cents"]), dict[str, Any])
    assert_type(ctx.step.run("28", paid, data["cents"], key=data["id"]), dict[str, Any])
    assert_type(ctx.step.run("29", paid, data["cents"], retries=1), dict[str, Any])
    assert_type(ctx.step.run("30", paid, data["cents"], compensate=give_back), dict[str, Any])
    assert_type(ctx.step.run("31", paid, data["cents"], output_type=Paid, compensate=refund), Paid)
    assert_type(ctx.step.run("32", order, data), dict[str, Any])
    assert_type(ctx.step.run("33", order, data, key=1), dict[str, Any])
    assert_type(ctx.step.run("34", mail, data["to"], data["text"], copy=data["copy"]), str)
    assert_type([ctx.step.run("35", lambda n=n: f"{n}", key=n) for n in range(3)], list[str])
    assert_type([ctx.step.run("36", lambda n=n: f"{n}") for n in range(3)], list[str])
    ctx.step.run("37", paid, output_type=Paid, compensate=lambda charge: charge.cents)
    ctx.step.run("38", paid, compensate=lambda charge: charge["cents"])
    ctx.step.run("39", untyped, 1, 2, any=3)
    ctx.step.run("40", paid).cents  # wrong
    ctx.step.run("41", several)[0].cents  # wrong
    ctx.step.run("42", perhaps)["cents"]  # wrong


@wk.function("afn", trigger=Event("a"))
async def afn(ctx: AsyncStepContext) -> None:
    data = ctx.event["data"]
    assert_type(await ctx.step.run("1", later), dict[str, Any])
    assert_type(await ctx.step.run("2", paid, 1), dict[str, Any])
    assert_type(await ctx.step.run("3", later, 1, output_type=Paid), Paid)
    assert_type(await ctx.step.run("4", count, start=2), int)
    assert_type(await ctx.step.run("5", table), Table)
    assert_type(await ctx.step.run("6", asyncio.to_thread, paid, 1), dict[str, Any])
    assert_type(await ctx.step.invoke("7", charge, {}), Paid)
    assert_type(await ctx.step.invoke("8", counted), int)
    assert_type(await ctx.step.invoke("9", "shop/charge", output_type=Paid), Paid)
    assert_type(await ctx.step.run("10", perhaps_later, 1), dict[str, Any] | None)
    assert_type(await ctx.step.run("11", post, "ada", "hello", copy="eve"), list[str])
    assert_type(await ctx.step.run("12", post, "ada", "hello", key=1), list[str])
    assert_type(await ctx.step.run("13", lambda: count(1)), int)
    assert_type(await ctx.step.run("14", later, data["cents"]), dict[str, Any])
    assert_type(await ctx.step.run("15", later, data["cents"], key=data["id"]), dict[str, Any])
    assert_type(await ctx.step.run("16", order_later, data), dict[str, Any])
    assert_type(await asyncio.gather(*(ctx.step.run("17", count, n, key=n) for n in range(3))), list[int])
    (await ctx.step.run("18", later)).cents  # wrong
    await ctx.step.run("19", post)  # wrong


def untyped(*args: Any, **kwargs: Any) -> Any:
    return args, kwargs
"""


ARGUMENTS = """
@wk.function("fn", trigger=Event("a"))
def fn(ctx: StepContext) -> None:
    data = ctx.event["data"]
    ctx.step.run("1", paid, "1")  # wrong
    ctx.step.run("2", paid, 1, 2)  # wrong
    ctx.step.run("3", paid, euros=1)  # wrong
    ctx.step.run("4", mail, "ada")  # wrong
    ctx.step.run("5", mail, "ada", 1)  # wrong
    ctx.step.run("6", mail, "ada", "hello", copy=1)  # wrong
    ctx.step.run("7", page, 1)  # wrong
    ctx.step.run("8", paid, "1", key="a")  # wrong
    ctx.step.run("9", mail, "ada", key="a")  # wrong
    ctx.step.run("10", paid, "1", retries=1)  # wrong
    ctx.step.run("11", paid, "1", output_type=Paid)  # wrong
    ctx.step.run("12", mail, data["to"])  # wrong
    ctx.step.run("13", lambda number: number)  # wrong
    ctx.step.run("14", paid, compensate=refund)  # wrong
    ctx.step.run("15", paid, retires=1)  # wrong
    ctx.step.run("16", paid, retries="1")  # wrong
    ctx.step.run("17", partial(mail, copy=1), "ada", "hello")  # wrong
    ctx.step.run("18", "paid")  # wrong
    ctx.step.run(paid, 1)  # wrong
    ctx.compensations.add("19", refund, Paid(1))
    ctx.compensations.add("20", mail, "ada", text="sorry")
    ctx.compensations.add("21", refund)  # wrong
    ctx.compensations.add("22", mail, "ada", text=1)  # wrong


@wk.function("afn", trigger=Event("a"), on_failure=fn)
async def afn(ctx: AsyncStepContext) -> None:
    await ctx.step.run("1", count, "1")  # wrong
    await ctx.step.run("2", post, "ada")  # wrong
    await ctx.step.run("3", post, "ada", "hello", copy=1)  # wrong
    await ctx.step.run("4", paid, 1, 2)  # wrong
    await ctx.step.run("5", count, "1", key=1)  # wrong
    await ctx.step.run("6", later, compensate=refund)  # wrong
    await ctx.step.run("7", later, "1", output_type=Paid)  # wrong
    await ctx.step.run("8", asyncio.to_thread, paid, "1")  # wrong
    await ctx.compensations.add("9", post, "ada", "sorry")
    await ctx.compensations.add("10", post, "ada", 1)  # wrong


def no_handler(ctx: StepContext, more: int) -> None:
    pass


wk.function("last", triggers=[], on_failure=no_handler)  # wrong
wk.durable_endpoint("endpoint")(no_handler)  # wrong
"""


BRANCHES = """
@wk.function("fn", trigger=Event("a"))
def fn(ctx: StepContext) -> None:
    assert_type(ctx.group.parallel((lambda: "a", lambda: 1)), tuple[str, int])
    assert_type(ctx.group.parallel((lambda: ctx.step.run("a", mail, "b", "c"), pair, price)),
                tuple[str, tuple[int, int], Decimal])
    assert_type(ctx.group.parallel([paid, lambda: paid(1)], fail_fast=True), tuple[Paid, ...])
    assert_type(ctx.group.parallel([partial(mail, "ada", text) for text in ("a", "b")]), tuple[str, ...])
    assert_type(ctx.group.parallel([lambda n=n: ctx.step.run("a", page, n, size=1) for n in range(3)]),
                tuple[int, ...])
    assert_type(ctx.group.parallel(tuple(several_branches())), tuple[int, ...])
    ctx.group.parallel([mail])  # wrong
    ctx.group.parallel((paid, 5))  # wrong
    ctx.group.parallel((paid(), paid()))  # wrong


@wk.function("afn", trigger=Event("a"))
async def afn(ctx: AsyncStepContext) -> None:
    assert_type(await ctx.group.parallel((later, lambda: count(1))), tuple[Paid, int])
    assert_type(await ctx.group.parallel([lambda: ctx.step.run("a", count), count]), tuple[int, ...])
    await ctx.group.parallel((later, paid))  # wrong


def several_branches() -> Sequence[Callable[[], int]]:
    return []
"""


STUBS = """
def total(inputs: dict[str, Any], ctx: StepContext) -> int:
    return int(inputs["number"])


def bad(inputs: dict[str, Any]) -> int:
    return 1


run(charge, stubs={"step:bank": stub(total), "step:mail": in_turn(TimeoutError, {"id": 1}, Paid(1), None)})
run({"name": "empty"}, stubs={"step:bank": stub(lambda inputs, ctx: inputs["number"], after="1h")})
run(lambda ctx: ctx.step.run("a", paid), stubs={"step:a": Timeout}, steps="stubbed")
Scenario(tested=charge).clone(steps="stubbed", stubs={"step:a": stub(date.today())})
run_step("orders.json", "bill", max_days=3)
stub(bad)  # wrong
stub(bad, after="1h")  # wrong
in_turn(1, bad)  # wrong
run(no_handler)  # wrong
run(charge, steps="stub")  # wrong
Scenario(tested=charge).clone(step="stubbed")  # wrong
run_step("orders.json", "bill", max_day=3)  # wrong


def no_handler(ctx: StepContext, more: int) -> None:
    pass
"""


def _check(tmp_path: Path, text: str) -> dict[str, str]:
    """Have mypy refuse what is marked as wrong, and nothing else; return its messages by lines."""
    output = mypy(tmp_path / "sample.py", HEAD + text)
    found = errors_by_line(output, HEAD + text)
    assert found.keys() == wrong_lines(text), output
    return found


def test_results_of_steps_are_to_type_checkers_what_they_are_at_run_time(tmp_path: Path) -> None:
    found = _check(tmp_path, RESULTS)

    assert '"dict[str, Any]" has no attribute "cents"' in found['ctx.step.run("40", paid).cents  # wrong']


def test_arguments_of_steps_are_those_of_their_functions(tmp_path: Path) -> None:
    found = _check(tmp_path, ARGUMENTS)

    message = found['ctx.step.run("1", paid, "1")  # wrong']
    assert 'has incompatible type "Callable[[int], Paid]"; expected "Callable[[str], AnyResult]"' in message
    assert message.count("\n") == 1, "one message, and not every overload"


def test_branches_give_a_tuple_of_what_they_return(tmp_path: Path) -> None:
    _check(tmp_path, BRANCHES)


def test_stubs_and_what_is_tested_are_checked(tmp_path: Path) -> None:
    _check(tmp_path, STUBS)
