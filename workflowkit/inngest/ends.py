"""Conditions on the events of the ends of runs, whose fields have other names here. Pure."""

from __future__ import annotations

import re

from workflowkit.base.errors import InvalidInput
from workflowkit.base.jsonvalue import dumps
from workflowkit.definition.model import Json
from workflowkit.inngest.events import ENDS
from workflowkit.inngest.naming import function_id, possible_ids

_TEXT = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_FUNCTION = r"(?:event|async)\.data\.function_id\b"
# A text by itself stands among them, so that nothing is looked for inside of one.
_PARTS = re.compile(
    rf"""
    (?P<left>{_FUNCTION}) \s* (?P<left_is>==|!=) \s* (?P<right_text>{_TEXT})
    | (?P<left_text>{_TEXT}) \s* (?P<right_is>==|!=) \s* (?P<right>{_FUNCTION})
    | (?P<member>{_FUNCTION}) \s+ in \s* \[ (?P<texts> \s* {_TEXT} (?: \s* , \s* {_TEXT} )* \s* ) \]
    | (?P<alone>{_FUNCTION})
    | (?P<field>(?:event|async)\.data\.(?:result\b|error\.error\b))
    | {_TEXT}
    """,
    re.VERBOSE,
)
_FIELDS = {"result": "output", "error": "name"}


def event_here(name: Json, condition: Json, app: str, pointer: str) -> tuple[Json, Json]:
    """Return the name here of an event that is followed or waited for, and its condition.

    Raises ``InvalidInput`` for a condition that cannot be said here.
    """
    if name not in ENDS:
        return name, condition
    return ENDS[name], condition_here(condition, app, pointer) if isinstance(condition, str) else condition


def condition_here(condition: str, app: str, pointer: str) -> str:
    """Return a condition with our names of fields, and our ids of functions. Raises ``InvalidInput``."""

    def translated(found: re.Match[str]) -> str:
        if found["alone"]:
            message = "the function_id of the end of a run can be compared with texts only (==, !=, in)"
            raise InvalidInput.at(pointer, "unsupported-expression", message)
        if found["field"]:
            head, _, last = found["field"].rpartition(".")
            return f"{head}.{_FIELDS[last]}"
        field = found["left"] or found["right"] or found["member"]
        if field is None:
            return found[0]
        texts = re.findall(_TEXT, found["texts"] or found["left_text"] or found["right_text"])
        ids = [own for text in texts for own in _ids(text[1:-1], app)]
        own, is_not = field.replace("function_id", "workflow_id"), "!=" in (found["left_is"], found["right_is"])
        if len(ids) == 1:  # by which events of a name are looked up
            return f"{own} {'!=' if is_not else '=='} {dumps(ids[0])}"
        is_one_of = f"{own} in [{', '.join(map(dumps, ids))}]"
        return f"!({is_one_of})" if is_not else is_one_of

    return _PARTS.sub(translated, condition)


def _ids(slug: str, app: str) -> list[str]:
    """Return the ids that a function may have here, whose app is not always known."""
    if slug.startswith(f"{app}-"):
        return [function_id(app, slug)]
    return [*possible_ids(slug), slug]
