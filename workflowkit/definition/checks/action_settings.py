"""Check the settings of single actions."""

from __future__ import annotations

from collections.abc import Iterator

from workflowkit.base.errors import Problem
from workflowkit.base.jsonvalue import child_pointer
from workflowkit.base.spelling import hint
from workflowkit.definition.checks.durations import check_duration
from workflowkit.definition.checks.inputs import InputCheck
from workflowkit.definition.checks.kinds import unknown_kind
from workflowkit.definition.checks.subject import GraphSubject
from workflowkit.definition.contract import contract_of
from workflowkit.definition.durations import DAY_MS, SECOND_MS, duration_ms
from workflowkit.definition.model import JoinMode, OnError
from workflowkit.definition.outline import ActionEntry
from workflowkit.definition.settings.action import SETTING_NAMES
from workflowkit.definition.settings.reading import mapping

MAX_TIMEOUT_SECONDS = 24 * 3600
MAX_CACHE_MS = 366 * DAY_MS


def check_action_settings(entry: ActionEntry, subject: GraphSubject) -> Iterator[Problem]:
    """Yield what is wrong with an action's settings; references, expressions and edges are looked at elsewhere."""
    pointer, settings, written = f"{entry.pointer}/settings", entry.settings, entry.written_settings
    for name in written.keys() - SETTING_NAMES:
        message = f"Action '{entry.id}' has a setting that means nothing: {name}{hint(name, SETTING_NAMES)}"
        yield Problem(child_pointer(pointer, name), "unknown-setting", message, "warning")
    # What the schema cannot say of a text; numbers and the form of texts are the schema's.
    if isinstance(written.get("timeout"), str) and (settings.timeout_seconds or 0) > MAX_TIMEOUT_SECONDS:
        message = f"timeout: Expected at most 24 hours, got {written['timeout']}"
        yield Problem(f"{pointer}/timeout", "invalid-value", message)
    yield from _check_fallback(entry)
    incoming = subject.incoming_counts.get(entry.id, 0)
    if settings.join is JoinMode.N_OF and settings.join_count > incoming:
        message = f"Action '{entry.id}' waits for {settings.join_count} edges, but only {incoming} lead to it"
        yield Problem(f"{pointer}/join/n_of", "impossible-join", message)
    for name in ("delay", "max_delay"):
        length_ms = duration_ms(mapping(written, "backoff").get(name))
        yield from check_duration(length_ms, f"{pointer}/backoff/{name}", SECOND_MS, DAY_MS)
    cached_ms = duration_ms(mapping(written, "cache").get("ttl"))
    yield from check_duration(cached_ms, f"{pointer}/cache/ttl", SECOND_MS, MAX_CACHE_MS)
    yield from _check_compensation(entry, subject)
    if settings.concurrency and entry.body is not None:
        message = f"Action '{entry.id}' is a loop, which executes nothing itself: limit the actions in it"
        yield Problem(f"{pointer}/concurrency", "conflicting-settings", message)


def _check_fallback(entry: ActionEntry) -> Iterator[Problem]:
    pointer, settings = f"{entry.pointer}/settings", entry.settings
    if settings.on_error is OnError.FALLBACK and "fallback" not in entry.written_settings:
        message = f"Action '{entry.id}' falls back on error, but has no fallback"
        yield Problem(f"{pointer}/on_error", "missing-fallback", message)
    if "fallback" in entry.written_settings and settings.on_error is not OnError.FALLBACK:
        message = f"Action '{entry.id}' has a fallback, but its on_error is {settings.on_error}"
        yield Problem(f"{pointer}/fallback", "unused-fallback", message, "warning")


def _check_compensation(entry: ActionEntry, subject: GraphSubject) -> Iterator[Problem]:
    compensation, pointer = entry.settings.compensate, f"{entry.pointer}/settings/compensate"
    if compensation is None:
        return
    action = subject.whole.catalogue.get(compensation.kind)
    if action is None:
        yield unknown_kind(compensation.kind, f"{pointer}/kind", subject.whole.catalogue)
        return
    owner = f"The compensation of action '{entry.id}'"
    contract = contract_of(action.inputs)
    yield from InputCheck(owner, compensation.inputs, f"{pointer}/inputs", contract, subject.limits).problems()
