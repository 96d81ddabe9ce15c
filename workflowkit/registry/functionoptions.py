"""What may be said about a code function besides its id, and how it is written in a document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypedDict

from workflowkit.base.errors import DefinitionError, Problem
from workflowkit.base.spelling import hint
from workflowkit.definition.durations import duration_seconds
from workflowkit.definition.settings.flow import FLOW_NAMES
from workflowkit.definition.trigger_values import Cron, Event
from workflowkit.registry.spec import DEFAULT_TIMEOUT_SECONDS, ActionOptions, option_problems

#: A number of seconds, text such as ``"30s"``, or a ``timedelta``.
Duration = float | str | timedelta
TriggerValue = str | Event | Cron | Mapping[str, Any]
Table = Mapping[str, Any]

#: The options that stand under ``settings`` in a document.
SETTING_OPTIONS = (*sorted(FLOW_NAMES), "cancel_on", "retries", "timeouts")
#: What starts a durable endpoint.
ENDPOINT_TRIGGER: dict[str, Any] = {"http": {"wait": 0}}
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class FunctionOptions(TypedDict, total=False):
    """What may be said about a function besides its id. Triggers and settings mean what they mean in a document."""

    name: str
    """What lists show. Default: the id, as words."""
    description: str
    """Default: the first paragraph of the handler's docstring."""
    trigger: TriggerValue
    """What starts it, if that is one thing: the name of an event, ``Event``, ``Cron``, or a trigger as a document has
    it. Without any trigger it is started by ``invoke`` only."""
    triggers: Sequence[TriggerValue]
    """What starts it, if that is several things."""
    retries: int
    """How often a failed attempt of the handler or of a step is repeated, 0 to 20. Default: 4."""
    timeout: Duration
    """The longest that the handler may go on without waiting: up to 24 hours. Default: 5 minutes."""
    queue: str
    """The queue whose workers run it. Default: ``default``."""
    timeouts: Table
    """``{"start": ..., "finish": ...}``: past these a run is cancelled."""
    cancel_on: Sequence[Table]
    """Events that cancel a run: ``{"event", "if" or "match", "timeout"}``, up to five."""
    concurrency: int | Table | Sequence[Table | int]
    throttle: Table
    rate_limit: Table
    debounce: Table
    batch: Table
    priority: str | Table
    singleton: Table
    idempotency: str | Table
    on_failure: Callable[[Any], object]
    """A handler of its own for runs that failed: the function ``<id>-failure``, without retries."""
    on_cancel: Callable[[Any], object]
    """A handler of its own for runs that were cancelled: the function ``<id>-cancel``, without retries."""
    middleware: Sequence[Callable[[], Any]]
    """Middleware for this function and its handlers of failure and cancellation, after that of the application."""
    output_type: Any
    """What it returns, a dataclass, pydantic model, ``TypedDict`` or another type: what ``invoke`` gives its caller."""


OPTION_NAMES = frozenset(FunctionOptions.__annotations__)


def id_problem(text: Any) -> str | None:
    """Return what is wrong with the id of an application or a function; ``None`` if nothing is."""
    if isinstance(text, str) and _ID.fullmatch(text):
        return None
    return "an id has 1 to 64 of a-z, 0-9, hyphen and underscore, and begins with a letter or digit"


def triggers_of(options: FunctionOptions) -> list[Any]:
    """Return the triggers as a document has them."""
    written: list[Any] = [options["trigger"]] if "trigger" in options else []
    several = options.get("triggers", ())
    written += several if isinstance(several, list | tuple) else [several]
    return [_written(each) for each in written]


def _written(trigger: Any) -> Any:
    """Return a trigger as a document has it. What is none is left for its check, which names the place."""
    if isinstance(trigger, Event | Cron):
        return trigger.as_dict()
    return {"event": trigger} if isinstance(trigger, str) else plain(trigger)


def settings_of(options: FunctionOptions) -> dict[str, Any]:
    """Return the settings as a document has them."""
    given: Mapping[str, Any] = options
    return {name: plain(given[name]) for name in SETTING_OPTIONS if name in given}


def action_options(options: FunctionOptions) -> ActionOptions:
    """Return what holds for the function's one action and stands in no document."""
    found: ActionOptions = {}
    if "timeout" in options:
        found["timeout"] = plain(options["timeout"])
    if "queue" in options:
        found["queue"] = options["queue"]
    if "middleware" in options:
        found["middleware"] = options["middleware"]
    return found


def is_endpoint(document: Mapping[str, Any]) -> bool:
    """Tell whether a document is that of a durable endpoint: of nothing but requests, that do not wait for its end."""
    return list(document.get("triggers", ())) == [ENDPOINT_TRIGGER]


def endpoint_options(options: FunctionOptions) -> FunctionOptions:
    """Return the options of a function that HTTP requests start.

    Raises ``DefinitionError`` for other triggers, and for flow control: no request can be held back.
    """
    problems = [
        Problem(f"/{name}", "invalid-function", "a durable endpoint is started by its requests")
        for name in ("trigger", "triggers")
        if name in options
    ]
    for name in sorted(FLOW_NAMES & options.keys()):
        message = f"{name} cannot be combined with a trigger of the kind http, whose run starts at once"
        problems.append(Problem(f"/settings/{name}", "conflicting-settings", message))
    if problems:
        raise DefinitionError(problems)
    return {**options, "trigger": ENDPOINT_TRIGGER}


def timeout_seconds(options: FunctionOptions) -> float:
    """Return how long an attempt may take."""
    return duration_seconds(plain(options.get("timeout"))) or DEFAULT_TIMEOUT_SECONDS


def other_problems(label: str, options: FunctionOptions) -> Iterator[Problem]:
    """Yield what is wrong with the options that stand in no document."""
    for name in sorted(options.keys() - OPTION_NAMES):
        yield Problem(f"/{name}", "unknown-option", f"a function has no option {name!r}{hint(name, OPTION_NAMES)}")
    yield from option_problems(label, action_options(options))


def plain(value: Any) -> Any:
    """Return a value of Python as a document would have it: durations as seconds, tuples as lists."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
