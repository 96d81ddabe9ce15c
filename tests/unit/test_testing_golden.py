"""Golden traces: the same each time, compared with a file, written only on purpose; and the pytest plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from builders import a_workflow

from workflowkit.definition.model import SOURCE
from workflowkit.testing import EventStub, RunResult, assert_golden, in_turn, run


def an_approval(note: str = "ok") -> RunResult:
    flow = a_workflow().action("ask", "http_request", {"url": "https://example.com/", "method": "POST"})
    flow.action("answer", "builtin:wait_for_event", {"event": "shop/approved", "timeout": "7d"})
    flow.action("tell", "emit_event", {"name": "shop/done", "data": {"id": "!ref($.event.data.id)"}})
    flow.action("late", "set", {"note": note}).path(SOURCE, "ask", "answer").edge("answer", "tell")
    flow.edge_else("answer", "late", "!ref($.output.received)")
    stubs = {"http_request": in_turn(ConnectionError("refused"), {"status": 200, "body": None})}
    events = [EventStub("shop/approved", {"by": "Ada"}, after="1.5h")]
    return run(flow.document(), {"data": {"id": 7}}, stubs=stubs, events=events)


TRACE = {
    "status": "completed",
    "slept_seconds": 5400,
    "events": [{"name": "shop/done", "data": {"id": 7}}],
}


def test_a_trace_has_everything_in_order_with_seconds_since_the_start() -> None:
    trace = an_approval().trace()

    assert {key: trace[key] for key in TRACE} == TRACE
    assert [(line["at"], line["step"], line["is"]) for line in trace["trace"]] == [
        (0, "ask", "retry"),
        (15, "ask", "completed"),
        (15, "answer/event", "opened"),
        (5400, "answer/event", "completed"),
        (5400, "answer", "completed"),
        (5400, "late", "skipped"),
        (5400, "tell", "completed"),
    ]
    assert trace["trace"][2] == {
        "at": 15,
        "step": "answer/event",
        "is": "opened",
        "waits": {"kind": "event", "name": "shop/approved"},
        "until": 15 + 7 * 86_400,
    }
    assert trace["trace"][0]["error"]["message"] == "refused"
    assert trace["trace"][0]["again_at"] == 15


def test_a_trace_is_the_same_each_time() -> None:
    assert an_approval().trace() == an_approval().trace()


def test_a_golden_trace_is_compared_and_a_difference_is_shown_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = tmp_path / "deep" / "approval.json"
    with pytest.raises(AssertionError, match=r"there is no golden trace .*approval\.json.*--workflowkit-update-golden"):
        assert_golden(an_approval(), golden)
    assert not golden.parent.exists()

    with monkeypatch.context() as patch:
        patch.setenv("WORKFLOWKIT_UPDATE_GOLDEN", "1")
        assert_golden(an_approval(), golden)
    assert_golden(an_approval(), golden)

    changed = json.loads(golden.read_text())
    changed["trace"][-1]["inputs"]["data"]["id"] = 8
    golden.write_text(json.dumps(changed, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    with pytest.raises(AssertionError) as caught:
        assert_golden(an_approval(), str(golden))
    lines = str(caught.value).splitlines()
    assert [line for line in lines if line.startswith(("- ", "+ ", "-  ", "+  "))] == [
        '-          "id": 8',
        '+          "id": 7',
    ]


TESTED = """
from pathlib import Path

DOCUMENT = {"actions": [{"id": "a", "kind": "builtin:wait", "inputs": {"duration": "30d"}}],
            "edges": [{"from": "$source", "to": "a"}]}

def test_it(workflowkit_run):
    from workflowkit.testing import assert_golden
    result = workflowkit_run(DOCUMENT)
    assert result.slept_seconds == 30 * 86_400
    assert_golden(result, Path(__file__).with_name("golden.json"))
"""


def session(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, *arguments, str(directory)],
        capture_output=True, text=True, cwd=directory, env=environment, check=False,
    )  # fmt: skip


def test_the_plugin_gives_a_fixture_and_an_option_that_writes_golden_traces(tmp_path: Path) -> None:
    (tmp_path / "test_flow.py").write_text(TESTED)

    without = session(tmp_path)
    writing = session(tmp_path, "--workflowkit-update-golden")
    comparing = session(tmp_path)

    assert "there is no golden trace" in without.stdout
    assert [each.returncode for each in (without, writing, comparing)] == [1, 0, 0], comparing.stdout
    assert json.loads((tmp_path / "golden.json").read_text())["slept_seconds"] == 30 * 86_400


def test_the_plugin_costs_those_nothing_who_do_not_use_it() -> None:
    code = "import sys, workflowkit.testing.plugin; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    ours = {name for name in loaded if name.partition(".")[0] == "workflowkit"}
    assert ours == {"workflowkit", "workflowkit.testing", "workflowkit.testing.plugin"}


def test_the_names_of_the_packages_are_those_that_they_say() -> None:
    import workflowkit
    import workflowkit.testing

    for module in (workflowkit, workflowkit.testing):
        homes: dict[str, Any] = module._HOMES
        assert sorted(name for names in homes.values() for name in names) == sorted(module.__all__)
        assert all(getattr(module, name) is not None for name in module.__all__)
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            _ = module.nothing
