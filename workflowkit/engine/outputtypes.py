"""Results of steps as Python types: JSON in the journal; dataclasses, models or ``TypedDict`` in the handler."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from workflowkit.base.errors import ActionError, CodeChanged, NonRetriableError
from workflowkit.typeschema import UnsupportedType, shape_of
from workflowkit.typeschema.shape import Decode, Encode


@dataclass(frozen=True, slots=True)
class OutputType:
    """How the results of a step are written and read back; ``None`` where JSON and Python value are the same."""

    decode: Decode | None = None
    encode: Encode | None = None

    def write(self, value: Any) -> Any:
        """Return what a step returned as it is to be stored."""
        return value if self.encode is None else self.encode(value)

    def read(self, step_id: str, value: Any, mismatch: type[ActionError] = NonRetriableError) -> Any:
        """Return a stored result as the handler gets it. Raises ``mismatch`` for one that is not of the type."""
        if self.decode is None:
            return value
        try:
            return self.decode(value)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            message = f"step {step_id!r}: the recorded result is not of the output type: {error}"
            raise mismatch(message) from error

    def recall(self, step_id: str, value: Any) -> Any:
        """Return the result that an earlier attempt has recorded.

        Raises ``CodeChanged`` for one that is not of the type: other code than this has recorded it.
        """
        return self.read(step_id, value, CodeChanged)


_JSON = OutputType()


def output_type_of(step_id: str, declared: Any) -> OutputType:
    """Return what ``output_type=`` of a step means. Raises ``NonRetriableError`` for a type that has no JSON form."""
    if declared is None:
        return _JSON
    try:
        return _read(declared)
    except TypeError:  # it cannot be hashed: Annotated with a list in it
        return _read.__wrapped__(declared)
    except UnsupportedType as error:
        raise NonRetriableError(f"step {step_id!r}, output_type: {error}") from error


@lru_cache(maxsize=256)
def _read(declared: Any) -> OutputType:
    return OutputType(shape_of(declared, direction="input").decode, shape_of(declared, direction="output").encode)
