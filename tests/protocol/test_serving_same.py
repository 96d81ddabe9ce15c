"""Documents come to the same on a server of the protocol as in our own engine: results of all steps, and of the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from knownworkflows import KnownWorkflows
from protocolserver import PATH, Ended, ProtocolServer, a_clocked_app
from runtimes import a_runtime
from werkzeug.test import Client

from workflowkit import DefinitionError, NonRetriableError, WorkflowKit
from workflowkit.definition import parse
from workflowkit.definition.secrets import secret_name
from workflowkit.engine import local
from workflowkit.engine.localresult import LocalResult
from workflowkit.inngest.serving.places import escaped

TEMPLATES: list[dict[str, Any]] = json.loads(
    (Path(__file__).resolve().parents[2] / "web/src/workflows/templates.json").read_text()
)
Document = dict[str, Any]


def _actions(wk: WorkflowKit) -> list[str]:
    """Add actions to an application; return what notes which have been executed."""
    done: list[str] = []

    @wk.action("double")
    def double(ctx: Any, n: int) -> int:
        done.append(f"double {n}")
        return n * 2

    @wk.action("breaks", retries=1)
    def breaks(ctx: Any, n: int = 0, only: int | None = None) -> int:
        done.append(f"breaks {n}")
        if only is None or n == only:
            raise ValueError(f"no {n}")
        return n

    @wk.action("flaky", retries=2)
    def flaky(ctx: Any) -> int:
        if ctx.attempt < 2:
            raise ValueError("not yet")
        return int(ctx.attempt)

    @wk.action("three_steps")
    def three_steps(ctx: Any, n: int) -> int:
        one = ctx.step.run("step-1", lambda: n + 1)
        ctx.step.sleep("nap", "5m")
        return int(ctx.step.run("step-2", lambda: one * 10))

    @wk.action("refuses")
    def refuses(ctx: Any) -> None:
        raise NonRetriableError("for good")

    return done


def _both(document: Document, data: dict[str, Any], **others: Document) -> tuple[LocalResult, Ended, list[str]]:
    """Return how a document ends here and there, and what was executed there."""
    wk, clock = a_clocked_app()
    done = _actions(wk)
    documents = {"main": document, **others}
    parsed = {name: parse(each, wk.registry, wk.settings.limits) for name, each in documents.items()}
    started_ms, event = clock.now_ms(), {"name": "go", "data": data}
    outside = KnownWorkflows(parsed.get, wk.registry)
    own_clock = type(clock)(started_ms)
    here = local.run(
        parsed["main"], {**event, "id": "e1"}, wk.registry, clock=own_clock,
        options=replace(local.LocalOptions(), outside=outside),
    )  # fmt: skip
    done.clear()
    server = ProtocolServer(wk.serve(is_dev=True, workflows=documents).wsgi(), clock)
    return here, server.run("shop-main", event), done


def _same(document: Document, data: dict[str, Any], **others: Document) -> Ended:
    """Check that a document comes to the same here and there; return how it ended there."""
    here, there, _ = _both(document, data, **others)
    assert (there.status, _known(there.output)) == (here.status.value, _known(here.output))
    if here.error is not None:
        assert there.error is not None
        assert (there.error["name"], there.error["message"]) == (here.error.name, here.error.message)
    assert _known(_results(there)) == _known(_expected(here, ""))
    return there


def _known(value: Any) -> Any:
    """Return a value without the ids of mails, which follow from the ids of runs."""
    if isinstance(value, dict):
        return {name: _known(each) for name, each in value.items() if name != "message_id"}
    return [_known(each) for each in value] if isinstance(value, list) else value


def _expected(result: LocalResult, prefix: str) -> dict[str, Any]:
    """Return what each step that was executed came to, with the items of loops."""
    found: dict[str, Any] = {}
    for step in result.steps:
        if step.status.value == "completed":
            found[prefix + step.id] = step.output
        elif step.status.value == "failed" and step.error is not None:
            found[prefix + step.id] = ("error", step.error.message)
        for item in result.items.get(step.id, ()):
            found |= _expected(item.result, f"{prefix}{step.id}[{escaped(item.item.key)}]/")
    return found


def _results(ended: Ended) -> dict[str, Any]:
    """Return the same of a server's memory: of nodes, not of the steps that their handlers opened."""
    found = {}
    for name, value in ended.steps.items():
        if value is None or not value.keys() & {"data", "error"} or name.rpartition("/")[2] in _INNER:
            continue
        name = name.removesuffix("/$result")
        if "error" in value:
            found[name] = ("error", value["error"]["message"])
        elif isinstance(value["data"], dict) and value["data"].keys() == {"workflowkit/stop"}:
            found[name] = value["data"]["workflowkit/stop"]
        elif "name" not in value and value["data"] != {"workflowkit/steps": True}:
            found[name] = value["data"]
    return found


_INNER = {"step-1", "step-2", "nap", "run", "event", "now", "until", "wait"}


def _action(node_id: str, kind: str, settings: dict[str, Any] | None = None, **inputs: Any) -> dict[str, Any]:
    return {"id": node_id, "kind": kind, "inputs": inputs, "settings": settings or {}}


def _document(actions: list[dict[str, Any]], edges: list[Any], **more: Any) -> Document:
    return {"name": "Main", "triggers": [{"event": "go"}], **_graph(actions, edges), **more}


def _graph(actions: list[dict[str, Any]], edges: list[Any]) -> dict[str, Any]:
    written = [each if isinstance(each, dict) else {"from": each[0], "to": each[1]} for each in edges]
    return {"actions": actions, "edges": written}


def _loop(body: dict[str, Any], settings: dict[str, Any] | None = None, **inputs: Any) -> dict[str, Any]:
    return {
        "id": "each", "kind": "builtin:for_each", "inputs": {"items": "!ref($.event.data.items)", **inputs},
        "body": body, "settings": settings or {},
    }  # fmt: skip


def _chain(*actions: dict[str, Any]) -> dict[str, Any]:
    ids = ["$source", *(each["id"] for each in actions)]
    return _graph([*actions], [*pairwise(ids)])


def _lines() -> Document:
    return _document(
        [_action("a", "double", n="!ref($.event.data.n)"), _action("b", "double", n="!ref($.state.a)"),
         _action("c", "double", n=5), _action("d", "set", sum="!ref($.state.b) and !ref($.state.c)")],
        [("$source", "a"), ("a", "b"), ("$source", "c"), ("b", "d"), ("c", "d")],
    )  # fmt: skip


def _joins() -> Document:
    no = {"type": "match", "ref": "!ref($.output)", "value": 99}
    actions = [
        _action("a", "double", n=1), _action("b", "double", n=2), _action("c", "double", n=3),
        _action("all", "double", {"join": "all"}, n=4), _action("two", "double", {"join": {"n_of": 2}}, n=5),
        _action("any", "double", n=6),
    ]  # fmt: skip
    edges = [("$source", "a"), ("$source", "b"), ("$source", "c")]
    for target in ("all", "two", "any"):
        edges += [("a", target), ("b", target), {"from": "c", "to": target, "conditional": no}]  # type: ignore[list-item]
    return _document(actions, edges)


def _caught() -> Document:
    error = {"type": "error"}
    return _document(
        [_action("x", "refuses", {"on_error": "branch"}), _action("y", "breaks", {"on_error": "branch"}, n=3),
         _action("caught", "builtin:catch"), _action("after", "set", first="!ref($.state.caught.first.message)")],
        [("$source", "x"), ("$source", "y"), {"from": "x", "to": "caught", "conditional": error},
         {"from": "y", "to": "caught", "conditional": error}, ("caught", "after")],
    )  # fmt: skip


def _inner() -> Document:
    body = _chain(_action("t", "double", n="!ref($.item)"), _action("u", "three_steps", n="!ref($.state.t)"))
    return _document([_loop({**body, "output": "!ref($.key): !ref($.state.u)"})], [("$source", "each")])


def _nested() -> Document:
    inner = {
        "id": "inner", "kind": "builtin:for_each", "inputs": {"items": "!ref($.item.parts)", "key": "item"},
        "body": _chain(_action("t", "double", n="!ref($.item)")),
    }  # fmt: skip
    body = {**_chain(inner), "output": "!ref($.state.inner.items)"}
    return _document([_loop(body, key="item.id", concurrency=2)], [("$source", "each")])


def _partly(mode: str, settings: dict[str, Any] | None = None) -> Callable[[], Document]:
    def made() -> Document:
        body = _chain(_action("t", "breaks", n="!ref($.item)", only=2))
        loop = _loop(body, settings, on_item_error=mode, concurrency=1)
        return _document(
            [loop, _action("after", "set", of="!ref($.state.each)")], [("$source", "each"), ("each", "after")]
        )

    return made


def _stops() -> Document:
    body = _chain(_action("t", "double", n="!ref($.item)"), _action("end", "stop", output={"i": "!ref($.item)"}),
                  _action("missed", "double", n=1))  # fmt: skip
    return _document([_loop(body), _action("s", "stop", output="done"), _action("never", "double", n=1)],
                     [("$source", "each"), ("each", "s"), ("s", "never")])  # fmt: skip


def _late() -> Document:
    body = _chain(_action("w", "builtin:wait", duration="!ref($.item)"))
    return _document(
        [_loop(body, {"timeout": "10m", "on_error": "continue"}),
         _action("after", "set", e="!ref($.state.each.error.code)")],
        [("$source", "each"), ("each", "after")],
    )  # fmt: skip


def _ways() -> Document:
    def to(target: str, value: int) -> dict[str, Any]:
        condition = {"type": "match", "ref": "!ref($.output.result)", "value": value}
        return {"from": "w", "to": target, "conditional": condition}

    return _document(
        [
            _action("w", "switch", value="!ref($.event.data.n)"), _action("one", "double", n=1),
            _action("two", "double", n=2), _action("other", "double", n=3),
            _action("skipped", "double", {"skip_if": "event.data.n == 2"}, n=4),
            _action("off", "double", {"disabled": True}, n=5), _action("flaky", "flaky"),
            _action("end", "set", seen="!ref($.state.flaky) !ref($.state.one) !ref($.state.two)"),
            _action("fallback", "refuses", {"on_error": "fallback", "fallback": 7}),
        ],
        [("$source", "w"), ("w", "skipped"), ("skipped", "off"), ("off", "fallback"), ("fallback", "flaky"),
         ("flaky", "end"), ("one", "end"), ("two", "end"), to("one", 1), to("two", 2), to("other", 9)],
    )  # fmt: skip


def _times() -> Document:
    return _document(
        [_action("a", "builtin:delay_until", until="!ref($.event.data.at)"),
         _action("b", "builtin:wait", duration="2h"),
         _action("c", "builtin:wait_for_event", event="never", timeout="1d", equals={"path": "data.x", "value": 1},
                 condition="async.data.y > params.least", params={"least": 3}),
         _action("d", "set", received="!ref($.state.c.received)")],
        [("$source", "a"), ("$source", "b"), ("a", "c"), ("c", "d"), ("b", "d")],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("make", "data"),
    [
        (_lines, {"n": 4}), (_joins, {}), (_caught, {}), (_inner, {"items": [1, 2, 3]}), (_inner, {"items": []}),
        (_nested, {"items": [{"id": "a/]%", "parts": [1, 2]}, {"id": "b", "parts": []}, {"id": "c", "parts": [3]}]}),
        (_partly("continue"), {"items": [1, 2, 3]}), (_partly("fail"), {"items": [1, 2, 3]}),
        (_partly("fail", {"on_error": "continue"}), {"items": [1, 2, 3]}), (_stops, {"items": [1, 2]}),
        (_ways, {"n": 2}), (_ways, {"n": 9}), (_inner, {"items": "no list"}),
        (_times, {"at": "2027-02-01T00:00:00Z"}),
    ],
)  # fmt: skip
def test_a_document_comes_to_the_same(make: Callable[[], Document], data: dict[str, Any]) -> None:
    _same(make(), data)


def _asks_people(template: dict[str, Any]) -> bool:
    return any(each["kind"] == "builtin:approval" for each in template["document"]["actions"])


def test_templates_that_ask_people_are_refused_by_name() -> None:
    wk, _ = a_clocked_app()
    documents = {each["id"]: each["document"] for each in TEMPLATES if _asks_people(each)}
    assert documents
    with pytest.raises(DefinitionError) as refused:
        wk.serve(is_dev=True, workflows=documents)
    assert {problem.pointer.split("/")[2] for problem in refused.value.problems} == documents.keys()
    assert all("builtin:approval works on a server" in problem.message for problem in refused.value.problems)


@pytest.mark.parametrize(
    "template", [each for each in TEMPLATES if not _asks_people(each)], ids=lambda template: template["id"]
)
@pytest.mark.parametrize("total", [12, 2_000])
def test_a_template_of_the_gallery_comes_to_the_same(template: dict[str, Any], total: int) -> None:
    data = {
        "id": 7, "email": "ada@example.com", "name": "Ada", "total": total, "title": "On engines", "author": "Ada",
        "url": "http://127.0.0.1:9/", "plan": "gold", "amount": total, "text": "late", "score": total,
    }  # fmt: skip
    _same({**_without_secrets(template["document"]), "triggers": [{"event": "go"}]}, data)


def _without_secrets(document: Document) -> Document:
    return {
        **document,
        "actions": [
            {**each, "inputs": {name: value for name, value in each["inputs"].items() if secret_name(value) is None}}
            for each in document["actions"]
        ],
    }


def test_documents_that_need_secrets_are_refused_where_there_are_none() -> None:
    wk, _ = a_clocked_app()
    (summary,) = [each["document"] for each in TEMPLATES if each["id"] == "ai-summary"]
    with pytest.raises(DefinitionError, match="the secret 'llm' works on a server of Workflow Kit only"):
        wk.serve(is_dev=True, workflows={"summary": summary})


def test_a_loop_whose_time_is_over_fails_and_its_items_go_on_no_more() -> None:
    here, there, _ = _both(_late(), {"items": ["5m", "20m"]})
    assert there.output == here.output == {"after": {"e": "loop-timeout"}}
    assert "each[1]/w" not in there.steps
    assert there.at_ms - here.started_ms == here.skipped_ms == 600_000


def test_items_go_on_as_many_at_a_time_as_may() -> None:
    body = _chain(_action("w", "builtin:wait", duration="1h"))
    for concurrency, hours in ((1, 5), (2, 3), (5, 1)):
        document = _document([_loop(body, concurrency=concurrency)], [("$source", "each")])
        here, there, _ = _both(document, {"items": [1, 2, 3, 4, 5]})
        assert there.at_ms - here.started_ms == here.skipped_ms == hours * 3_600_000


def test_a_workflow_that_is_run_by_another_gives_its_output_and_refuses_what_it_does_not_take() -> None:
    run = _action(
        "run", "builtin:run_workflow", {"on_error": "continue"}, workflow="other", data={"n": "!ref($.event.data.n)"}
    )
    main = _document([run, _action("seen", "set", it="!ref($.state.run)")], [("$source", "run"), ("run", "seen")])
    takes = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    other = {"name": "Other", "inputs": takes, **_chain(_action("d", "double", n="!ref($.event.data.n)"))}
    assert _both(main, {"n": 4}, other=other)[1].output == {"seen": {"it": {"d": 8}}}
    here, there, _ = _both(main, {"n": "four"}, other=other)
    assert there.output == here.output
    assert "/data/n" in there.output["seen"]["it"]["error"]["message"]


def test_an_event_that_fits_is_received_by_a_document_and_values_of_its_condition_stay_values() -> None:
    condition, params = (
        "async.data.text == params.text && !(async.data.n < params.least)",
        {"text": 'a" || true', "least": -1},
    )
    waits = _action("w", "builtin:wait_for_event", event="told", timeout="1d", condition=condition, params=params)
    document = _document([waits, _action("s", "set", n="!ref($.state.w.event.data.n)")], [("$source", "w"), ("w", "s")])
    wk, clock = a_clocked_app()
    told = [
        (60.0, {"name": "told", "data": {"text": "a", "n": 1}}),
        (90.0, {"name": "told", "data": {"text": 'a" || true', "n": 2}}),
    ]
    server = ProtocolServer(wk.serve(is_dev=True, workflows={"main": document}).wsgi(), clock, events=told)
    assert server.run("shop-main", {"name": "go"}).output == {"s": {"n": 2}}


# --- what follows a failure


def _trip(mode: str = "fail") -> Document:
    def undone(node_id: str, **inputs: Any) -> dict[str, Any]:
        text = f"undo {node_id} !ref($.state.{node_id})"
        return _action(node_id, "double", {"compensate": {"kind": "note", "inputs": {"text": text}}}, **inputs)

    item = undone("part", n="!ref($.item)")
    body = _chain(
        item,
        _action("rented", "rent", of="!ref($.item)"),
        _action("check", "breaks", {"retries": 0}, n="!ref($.item)", only=3),
    )
    tell = _chain(_action("tell", "note", text="failed: !ref($.error.message) !ref($.state.first)"))
    return _document(
        [undone("first", n=10), _loop(body, on_item_error=mode, concurrency=1), undone("second", n=20),
         _action("last", "refuses")],
        [("$source", "first"), ("first", "each"), ("each", "second"), ("second", "last")],
        settings={"on_failure": tell},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "items"), [("continue", [1, 2]), ("continue", [1, 3, 2]), ("fail", [1, 2, 3, 4]), ("fail", [3])]
)
def test_what_was_done_is_undone_in_the_same_order_and_then_the_failure_is_handled(
    database_url: str, mode: str, items: list[int]
) -> None:
    wk, clock = a_clocked_app()
    done = _actions(wk)

    @wk.action("note")
    def note(text: str) -> None:
        done.append(text)

    @wk.action("rent", compensate=lambda output, of: done.append(f"give back {of}: {output}"))
    def rent(of: int) -> str:
        return f"rented {of}"

    with a_runtime(database_url, wk.registry) as harness:
        harness.deploy(_trip(mode), "main")
        harness.send("go", {"items": items})
        harness.drain()
        (run,) = harness.rows("SELECT * FROM runs WHERE parent_run_id IS NULL")
    here = [*done]
    done.clear()
    server = ProtocolServer(wk.serve(is_dev=True, workflows={"main": _trip(mode)}).wsgi(), clock)
    there = server.run("shop-main", {"name": "go", "data": {"items": items}})
    assert (run["status"], there.status) == ("failed", "failed")
    # An item that failed is undone beside what comes after it.
    order = sorted if 3 in items else list
    assert order(done) == order(here)
    assert any(text.startswith("failed: ") for text in done)


def _nested_trip() -> Document:
    undo = {"compensate": {"kind": "note", "inputs": {"text": "undo !ref($.state.part)"}}}
    inner = {
        "id": "inner", "kind": "builtin:for_each", "inputs": {"items": "!ref($.item)", "concurrency": 1},
        "body": _chain(_action("part", "double", undo, n="!ref($.item)")),
    }  # fmt: skip
    return _document(
        [_loop(_chain(inner), concurrency=1), _action("last", "refuses")], [("$source", "each"), ("each", "last")]
    )


def test_items_of_loops_in_loops_are_undone_in_the_same_order(database_url: str) -> None:
    wk, clock = a_clocked_app()
    done = _actions(wk)
    wk.action("note")(lambda text: done.append(text))
    data = {"items": [[1, 2], [3], [4, 5]]}
    with a_runtime(database_url, wk.registry) as harness:
        harness.deploy(_nested_trip(), "main")
        harness.send("go", data)
        harness.drain()
    here = [*done]
    done.clear()
    server = ProtocolServer(wk.serve(is_dev=True, workflows={"main": _nested_trip()}).wsgi(), clock)
    assert server.run("shop-main", {"name": "go", "data": data}).status == "failed"
    assert done == here
    assert done[5:] == ["undo 10", "undo 8", "undo 6", "undo 4", "undo 2"]


def test_an_item_that_goes_on_though_its_loop_has_failed_is_undone_and_holds_nothing_up() -> None:
    undo = {"compensate": {"kind": "note", "inputs": {"text": "undo !ref($.state.part)"}}}
    body = _chain(
        _action("part", "double", undo, n="!ref($.item.n)"), _action("w", "builtin:wait", duration="!ref($.item.wait)"),
        _action("check", "breaks", {"retries": 0}, n="!ref($.item.n)"),
    )  # fmt: skip
    document = _document(
        [_loop(body, {"on_error": "continue"}), _action("after", "set", e="!ref($.state.each.error.message)")],
        [("$source", "each"), ("each", "after")],
    )
    wk, clock = a_clocked_app()
    done, began_ms = _actions(wk), clock.now_ms()
    wk.action("note")(lambda text: done.append(text))
    server = ProtocolServer(wk.serve(is_dev=True, workflows={"main": document}).wsgi(), clock)
    items = [{"n": 1, "wait": "1h"}, {"n": 2, "wait": "1m"}]
    ended = server.run("shop-main", {"name": "go", "data": {"items": items}})
    assert ended.output == {"after": {"e": "item '1' (index 1): no 2"}}
    assert sorted(done) == ["breaks 2", "double 1", "double 2", "undo 2", "undo 4"]
    assert ended.at_ms - began_ms == 60_000


def test_a_document_may_be_started_by_the_failure_of_another_one() -> None:
    main = _document([_action("a", "refuses")], [("$source", "a")], settings={"on_failure": {"workflow": "other"}})
    other = {"name": "Other", **_chain(_action("s", "set", of="!ref($.event.data.error.message)"))}
    wk, clock = a_clocked_app()
    _actions(wk)
    app = wk.serve(is_dev=True, workflows={"main": main, "other": other}).wsgi()
    told = (
        Client(app).put(PATH, headers={"x-inngest-sync-kind": "in_band"}, json={"url": "http://x.example"}).get_json()
    )
    (listed,) = [each for each in told["functions"] if each["id"] == "shop-other"]
    assert listed["triggers"] == [
        {"event": "inngest/function.failed", "expression": 'event.data.function_id == "shop-main"'}
    ]
    server = ProtocolServer(app, clock)
    failed = server.run("shop-main", {"name": "go"})
    data = {"function_id": "shop-main", "run_id": "r", "event": {"name": "go", "data": {}}, "error": failed.error}
    assert server.run("shop-other", {"name": "inngest/function.failed", "data": data}).output == {
        "s": {"of": "for good"}
    }
    with pytest.raises(DefinitionError, match="beside this one"):
        wk.serve(is_dev=True, workflows={"main": main})
