"""The decorators keep a function's type: checked by running mypy on a sample."""

from pathlib import Path

from typechecking import mypy

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


def test_mypy_sees_through_the_decorators(tmp_path: Path) -> None:
    output = mypy(tmp_path / "sample.py", SAMPLE)

    assert 'Revealed type is "def (name: str, times: int =) -> list[str]"' in output.replace("builtins.", "")
    assert 'Revealed type is "def (name: str) -> typing.Coroutine[Any, Any, str]"' in output.replace("builtins.", "")
    errors = [line for line in output.splitlines() if ": error:" in line]
    assert len(errors) == 2, output
    assert 'Argument 1 to "greet" has incompatible type "int"' in errors[0]
    assert "retires" in errors[1]
