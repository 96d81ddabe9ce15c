"""What an app registers: its functions, as workflow documents of one action each. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from workflowkit.base.errors import InvalidInput, Problem
from workflowkit.definition.model import SOURCE
from workflowkit.inngest.defers import DEFERRED_EVENT
from workflowkit.inngest.ends import event_here
from workflowkit.inngest.flowcontrol import flow_settings
from workflowkit.inngest.naming import function_id, own_id
from workflowkit.inngest.tables import lowered, table
from workflowkit.registry import REMOTE_PREFIX, ActionSpec

#: What the addresses of functions begin with whose workers connect.
CONNECTED_URL = "wss://connect"


@dataclass(frozen=True, slots=True)
class RemoteFunction:
    """A function of an app: the workflow that stands for it, and its one action."""

    document: Mapping[str, Any]
    spec: ActionSpec


@dataclass(frozen=True, slots=True)
class Registration:
    """An app as it registered. ``id`` is its name as an id of ours."""

    id: str
    name: str
    url: str
    sdk: str
    version: str | None
    functions: Mapping[str, RemoteFunction]


def read_registration(payload: Any, spec_of: Callable[[str], ActionSpec], *, is_connected: bool) -> Registration:
    """Return the app that a payload tells of. Raises ``InvalidInput`` with what is wrong.

    ``is_connected`` apps have the addresses of workers that connect; nobody else may.
    """
    # Python's SDK says appname where the others say appName: keys are read in any case.
    given = lowered(payload)
    name, url, entries = given.get("appname"), given.get("url"), given.get("functions")
    problems = [
        *([] if isinstance(name, str) and name else [Problem("/appName", "required", "App ID required")]),
        *_url_problems(url, "/url", is_connected=is_connected),
        *([] if isinstance(entries, list) else [Problem("/functions", "required", "a list of functions")]),
    ]
    if problems:
        raise InvalidInput(problems)
    assert isinstance(name, str) and isinstance(url, str) and isinstance(entries, list)  # noqa: S101, PT018 - else problems
    functions: dict[str, RemoteFunction] = {}
    for index, entry in enumerate(entries):
        sdk, pointer = str(given.get("sdk") or ""), f"/functions/{index}"
        own, function = _function(name, sdk, lowered(entry), pointer, spec_of, is_connected=is_connected)
        if own in functions:
            raise InvalidInput.at(f"/functions/{index}/id", "duplicate", "each function has an id of its own")
        functions[own] = function
    version = given.get("appversion")
    return Registration(
        own_id(name), name, url, str(given.get("sdk") or ""), version if isinstance(version, str) else None, functions
    )


def _function(
    app: str, sdk: str, entry: Mapping[str, Any], pointer: str, spec_of: Callable[[str], ActionSpec], *,
    is_connected: bool,
) -> tuple[str, RemoteFunction]:  # fmt: skip
    slug, step = entry.get("id"), _step(entry)
    if not isinstance(slug, str) or not slug:
        raise InvalidInput.at(f"{pointer}/id", "required", "a function has an id")
    url = lowered(step.get("runtime")).get("url")
    if problems := [*_url_problems(url, f"{pointer}/steps/step/runtime/url", is_connected=is_connected)]:
        raise InvalidInput(problems)
    own = function_id(app, slug)
    node_id = own.partition("/")[2]
    settings = _settings(entry, step, app, pointer)
    name = entry.get("name")
    document = {
        "name": name if isinstance(name, str) and name else slug,
        "metadata": {"app_id": own_id(app), "app": app, "slug": slug, "url": url, "sdk": sdk},
        "triggers": [*_triggers(entry, app, pointer)],
        **({"settings": settings} if settings else {}),
        # No part of the protocol: what an app of ours says that its events hold.
        **({"inputs": entry["inputs"]} if isinstance(entry.get("inputs"), dict) else {}),
        "actions": [{"id": node_id, "kind": f"{REMOTE_PREFIX}{own}"}],
        "edges": [{"from": SOURCE, "to": node_id}],
        "output": f"!ref($.state['{node_id}'])",
    }
    return own, RemoteFunction(document, spec_of(own))


def _step(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    steps = entry.get("steps")
    return lowered(next(iter(steps.values()), None)) if isinstance(steps, dict) else {}


def _triggers(entry: Mapping[str, Any], app: str, pointer: str) -> Iterator[dict[str, Any]]:
    for index, each in enumerate(entry.get("triggers") or ()):
        trigger = lowered(each)
        if "cron" in trigger:
            jitter = trigger.get("jitter")
            yield {"cron": trigger["cron"]} | ({} if jitter is None else {"jitter": jitter})
            continue
        event, condition = trigger.get("event"), trigger.get("expression")
        if event == DEFERRED_EVENT:
            continue  # what starts it is addressed to it
        event, condition = event_here(event, condition, app, f"{pointer}/triggers/{index}/expression")
        yield {"event": event} | ({"if": condition} if condition else {})


def _settings(entry: Mapping[str, Any], step: Mapping[str, Any], app: str, pointer: str) -> dict[str, Any]:
    retries = lowered(step.get("retries")).get("attempts", entry.get("retries"))
    found = {
        "retries": retries,
        **flow_settings(entry),
        "timeouts": table(entry.get("timeouts")),
        "cancel_on": [
            _cancel_rule(table(each), app, f"{pointer}/cancel/{index}/if")
            for index, each in enumerate(entry.get("cancel") or ())
        ],
    }
    return {name: value for name, value in found.items() if value not in (None, {}, [], "")}


def is_connected_url(url: str) -> bool:
    """Tell whether a function is where a worker is that connects, and not at an address that could be called."""
    return url.startswith(CONNECTED_URL)


def _cancel_rule(rule: dict[str, Any], app: str, pointer: str) -> dict[str, Any]:
    event, condition = event_here(rule.get("event"), rule.get("if"), app, pointer)
    return {**rule, "event": event} | ({} if condition is None else {"if": condition})


def _url_problems(url: Any, pointer: str, *, is_connected: bool) -> Iterator[Problem]:
    if is_connected and isinstance(url, str) and is_connected_url(url):
        return
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        yield Problem(pointer, "invalid-url", "must be an address such as https://app.example.com/api/inngest")


def call_url(url: str, slug: str, step: str) -> str:
    """Return where a function is called: its address, with what is called in the query."""
    from urllib.parse import parse_qsl, urlencode

    parts = urlsplit(url)
    kept = [(name, each) for name, each in parse_qsl(parts.query) if name not in ("fnId", "stepId")]
    return urlunsplit(parts._replace(query=urlencode([*kept, ("fnId", slug), ("stepId", step)])))
