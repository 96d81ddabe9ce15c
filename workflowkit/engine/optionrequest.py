"""One request for the options of an input: how far it has come, and what is told if it comes to nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from workflowkit.base.errors import ActionError, DeadlineInterrupt, InvalidInput, OptionsFailed, StoreUnavailable
from workflowkit.base.masking import Mask
from workflowkit.base.scope import Scope
from workflowkit.engine.failures import message_of
from workflowkit.registry.optionsource import OptionSource

_log = logging.getLogger("workflowkit.options")


@dataclass(slots=True)
class OptionRequest:
    """What was asked for, and how far it has come. ``arguments`` are those of the function, once they are known.

    It is called ``within`` a context that is opened on the thread where it is called.
    """

    source: OptionSource
    scope: Scope
    inputs: Mapping[str, Any]
    search: str
    find_users: Callable[[str], Iterable[tuple[str, str]]]
    within: Callable[[], AbstractContextManager[object]] = nullcontext
    arguments: dict[str, Any] | None = None
    mask: Mask | None = None

    @property
    def known(self) -> dict[str, Any]:
        """The inputs that the options depend on."""
        return {name: self.inputs[name] for name in self.source.depends_on if name in self.inputs}

    def is_ours(self, error: BaseException) -> bool:
        """Tell whether an error is what we say of a request, before the function is called."""
        return self.arguments is None and isinstance(error, InvalidInput | OptionsFailed | StoreUnavailable)

    def refusal(self, error: BaseException, seconds: float) -> BaseException:
        """Return what is told of an error."""
        if not self.is_ours(error):
            return _refusal(self.source, error, seconds, self.mask)
        # SAFETY: S18 — what does not fit is shown, and may be the value.
        return _masked_input(error, self.mask) if isinstance(error, InvalidInput) and self.mask else error


def _masked_input(error: InvalidInput, mask: Mask) -> InvalidInput:
    return InvalidInput(replace(problem, message=mask.text(problem.message)) for problem in error.problems)


def _refusal(source: OptionSource, error: BaseException, seconds: float, mask: Mask | None) -> OptionsFailed:
    """Return what is told of a failure: what the function says on purpose, and nothing of what went wrong inside."""
    name = source.input
    if isinstance(error, DeadlineInterrupt):
        _log.warning("the options of %r took longer than %g seconds", name, seconds)
        return OptionsFailed(f"the options of {name!r} took longer than {seconds:g} seconds")
    if isinstance(error, ActionError):
        return OptionsFailed(error.message if mask is None else mask.text(error.message))
    if mask is None:
        _log.error("the options of %r cannot be listed", name, exc_info=error)
    else:
        said = mask.text(f"{type(error).__name__}: {message_of(error)}")
        _log.error("the options of %r cannot be listed: %s", name, said)
    return OptionsFailed(f"the options of {name!r} cannot be listed at the moment")
