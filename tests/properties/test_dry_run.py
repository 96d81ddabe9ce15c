"""Whatever a document says and whatever is stubbed: a dry run and a test execute nothing that is external."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from builders import a_workflow
from hypothesis import given
from hypothesis import strategies as st

from workflowkit.base.errors import ActionError, InvalidStub, Unstubbed
from workflowkit.base.limits import DEFAULT_LIMITS
from workflowkit.definition.model import SOURCE
from workflowkit.registry import Registry, load_builtin_actions
from workflowkit.testing import Timeout, run, stub
from workflowkit.testing.dryrun import rehearsal_of
from workflowkit.testing.stubs import Stubs

NODES = ("a", "b", "c", "d", "e")
KINDS = ("external", "rehearsed", "waiting", "harmless", "send_email", "builtin:send_email", "http_request", "set")
INPUTS: dict[str, dict[str, Any]] = {
    "send_email": {"to": "ada@example.com", "subject": "Hello"},
    "builtin:send_email": {"to": "ada@example.com", "subject": "Hello"},
    "http_request": {"url": "https://example.com/"},
}


class World:
    """Everything that could really happen, and whether it did."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.registry = Registry()
        load_builtin_actions(self.registry)

        @self.registry.action("external", retries=2)
        def external() -> None:
            self.done.append("external")

        @self.registry.action("rehearsed", dry_run=lambda: {"dry": True})
        def rehearsed() -> dict[str, bool]:
            self.done.append("rehearsed")
            return {"dry": False}

        @self.registry.action("waiting")
        def waiting(ctx: Any) -> Any:
            self.done.append("waiting")
            return ctx.step.wait_for_event("reply", "x/replied", timeout="1d")

        @self.registry.action("harmless", external=False)
        def harmless(ctx: Any) -> Any:
            ctx.step.sleep("rest", "1d")
            return ctx.step.fetch("load", "GET", "https://example.com/")


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    flow = a_workflow()
    for index, node_id in enumerate(NODES[: draw(st.integers(1, len(NODES)))]):
        kind = draw(st.sampled_from(KINDS))
        on_error = draw(st.sampled_from(["fail", "continue", "fallback"]))
        settings = {"on_error": on_error, "retries": draw(st.integers(0, 2)), "fallback": None}
        flow.action(node_id, kind, INPUTS.get(kind, {}), **settings)
        sources = draw(st.sets(st.sampled_from([SOURCE, *NODES[:index]]), min_size=1, max_size=2))
        for source in sorted(sources):
            way = draw(st.sampled_from(["plain", "if", "else"])) if source != SOURCE else "plain"
            conditional = {} if way == "plain" else {"type": way, "ref": "!ref($.output)"}
            flow.edge(source, node_id, **conditional)
    return flow.document()


ANSWERS = st.sampled_from(
    [None, {"dry": True}, 7, Timeout, ActionError("no"), ValueError("no"), stub(raises=OSError())]
)
STUBS = st.dictionaries(st.sampled_from([*KINDS, *(f"node:{node_id}" for node_id in NODES), "step:load"]), ANSWERS)


@given(documents(), STUBS)
def test_nothing_external_is_executed_in_a_dry_run_or_a_test(document: dict[str, Any], stubs: dict[str, Any]) -> None:
    world = World()
    known = {f"node:{action['id']}" for action in document["actions"]}
    stubs = {key: value for key, value in stubs.items() if not key.startswith("node:") or key in known}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workflowkit.base.mail.deliver", lambda *_mail: world.done.append("mail"))
        patch.setattr("socket.getaddrinfo", lambda *_name, **_options: world.done.append("network"))
        with suppress(InvalidStub):
            result = rehearsal_of(document, None, Stubs(stubs), world.registry, limits=DEFAULT_LIMITS).run(0)
            assert (result.status == "waiting") <= bool(result.local.held)
        with suppress(InvalidStub, Unstubbed):
            run(document, actions=world.registry, stubs=stubs)

    assert world.done == []
