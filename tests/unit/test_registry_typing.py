"""The decorators keep a function's type: checked by running mypy on a sample."""

import subprocess
import sys
from pathlib import Path

SAMPLE = """
from typing import assert_type, reveal_type
from workflowkit.registry import Registry, action

registry = Registry()


@registry.action("a", retries=2, timeout="30s", edges=[{"name": "x", "conditional": {"type": "if"}}])
def greet(name: str, times: int = 1) -> list[str]:
    return [name] * times


@action("b")
async def later(name: str) -> str:
    return name


assert_type(greet("Ann", 2), list[str])
reveal_type(greet)
reveal_type(later)
greet(5)
registry.action("c", retires=2)
"""


STEPS = """
import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypedDict, assert_type

from pydantic import BaseModel

from workflowkit import AsyncStepContext, Event, StepContext, WorkflowKit

wk = WorkflowKit("shop")


@dataclass
class Paid:
    cents: int


class Table(TypedDict):
    cents: int


class Model(BaseModel):
    cents: int


def paid(cents: int = 1) -> Paid:
    return Paid(cents)


async def later() -> Paid:
    return Paid(1)


def table() -> Table:
    return {"cents": 1}


def model() -> Model:
    return Model(cents=1)


def several() -> list[Paid]:
    return []


def perhaps() -> Paid | None:
    return None


async def count() -> int:
    return 1


@wk.function("charge", triggers=[], output_type=Paid)
def charge(ctx: StepContext) -> Paid:
    return Paid(1)


@wk.function("counted", triggers=[])
async def counted(ctx: AsyncStepContext) -> int:
    return 1


@wk.function("fn", trigger=Event("a"))
def fn(ctx: StepContext) -> None:
    assert_type(ctx.step.run("1", paid, 1), dict[str, Any])
    assert_type(ctx.step.run("2", paid, output_type=Paid, key="a"), Paid)
    assert_type(ctx.step.run("3", table), Table)
    assert_type(ctx.step.run("4", model), dict[str, Any])
    assert_type(ctx.step.run("5", several), list[dict[str, Any]])
    assert_type(ctx.step.run("6", several, output_type=list[Paid]), list[Paid])
    assert_type(ctx.step.run("7", lambda: datetime.now(UTC)), str)
    assert_type(ctx.step.run("8", lambda: {"a": 1}, retries=2, compensate=print), dict[str, int])
    assert_type(ctx.step.run("9", perhaps), Any)
    ctx.step.run("10", print, "hello")
    assert_type(ctx.step.invoke("11", charge, {}), Paid)
    assert_type(ctx.step.invoke("12", counted), int)
    assert_type(ctx.step.invoke("13", "shop/charge"), Any)
    assert_type(ctx.step.invoke("14", "shop/charge", output_type=Paid), Paid)
    ctx.step.run("15", paid).cents


@wk.function("afn", trigger=Event("a"))
async def afn(ctx: AsyncStepContext) -> None:
    assert_type(await ctx.step.run("1", later), dict[str, Any])
    assert_type(await ctx.step.run("2", paid), dict[str, Any])
    assert_type(await ctx.step.run("3", later, output_type=Paid), Paid)
    assert_type(await ctx.step.run("4", count), int)
    assert_type(await ctx.step.run("5", table), Table)
    assert_type(await ctx.step.run("6", asyncio.to_thread, paid), Any)
    assert_type(await ctx.step.invoke("7", charge, {}), Paid)
    assert_type(await ctx.step.invoke("8", counted), int)
    assert_type(await ctx.step.invoke("9", "shop/charge", output_type=Paid), Paid)
    (await ctx.step.run("10", later)).cents
"""


def mypy(sample: Path, text: str) -> str:
    sample.write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--hide-error-context", str(sample)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]).stdout


def test_results_of_steps_are_to_type_checkers_what_they_are_at_run_time(tmp_path: Path) -> None:
    output = mypy(tmp_path / "steps.py", STEPS)

    errors = [line for line in output.splitlines() if ": error:" in line]
    assert len(errors) == 2, output
    assert all('"dict[str, Any]" has no attribute "cents"' in each for each in errors), output


def test_mypy_sees_through_the_decorators(tmp_path: Path) -> None:
    output = mypy(tmp_path / "sample.py", SAMPLE)

    assert 'Revealed type is "def (name: str, times: int =) -> list[str]"' in output.replace("builtins.", "")
    assert 'Revealed type is "def (name: str) -> typing.Coroutine[Any, Any, str]"' in output.replace("builtins.", "")
    errors = [line for line in output.splitlines() if ": error:" in line]
    assert len(errors) == 2, output
    assert 'Argument 1 to "greet" has incompatible type "int"' in errors[0]
    assert "retires" in errors[1]
