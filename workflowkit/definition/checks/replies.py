"""Check what an action replies to the HTTP request that started its run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from workflowkit.base.errors import Problem
from workflowkit.base.jsonvalue import child_pointer
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.replyheaders import REPLY_KIND, name_problem


def check_reply(owner: str, kind: str, inputs: Mapping[str, Json], pointer: str) -> Iterator[Problem]:
    """Yield the headers that a reply cannot set; ``pointer`` is where its inputs stand."""
    headers = inputs.get("headers")
    if kind != REPLY_KIND or not isinstance(headers, dict):
        return
    for name in headers:
        if (problem := name_problem(name)) is not None:
            place = child_pointer(f"{pointer}/headers", name)
            yield Problem(place, "invalid-input", f"{owner} has an invalid input for 'headers': {problem}")
