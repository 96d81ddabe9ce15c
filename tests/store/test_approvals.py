"""Approvals: people are asked, decide once, and the run goes on by what they decided."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from asking import ADA, BOB, EVE, FORM, PUBLIC_URL, SECRET_KEY, ask, decide, durable, output, start, token_of, told
from builders import a_workflow, doubling_schema
from functions import Code, happen, output_of
from runtimes import Harness, a_runtime, at_once

from workflowkit.base import failpoints
from workflowkit.base.errors import (
    Conflict,
    DefinitionError,
    Forbidden,
    Gone,
    InvalidForm,
    InvalidInput,
    LeaseInterrupt,
    LimitExceeded,
    NotFound,
    StoreUnavailable,
)  # fmt: skip
from workflowkit.base.failpoints import FailpointReached
from workflowkit.base.jsonvalue import loads
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.engine.approvals import Status, Verdict
from workflowkit.engine.context import AsyncStepContext, StepContext
from workflowkit.runtime.approvals import Approval, Choice
from workflowkit.store.approvals import ApprovalFilter

DAY = 86_400


def _problems(error: InvalidForm) -> list[tuple[str, str]]:
    return [(problem.pointer, problem.message) for problem in error.problems]


def test_an_approval_resumes_the_run_with_who_decided_what(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        approval_id = ask(harness, assignees=[ADA, BOB], form=FORM, timeout="7d")
        assert (harness.run()["status"], harness.steps()) == ("waiting", {"ask": "waiting"})
        harness.skip(60)
        decided = decide(harness, approval_id, actor=BOB, data={"amount": 7}, comment="fine")
        assert decided.status is Status.APPROVED
        harness.drain()
        result = output(harness)
        at = result["decisions"][0].pop("at")
        assert at.endswith("Z")
        assert result == {
            "status": "approved",
            "decisions": [{"actor": BOB, "decision": "approved", "comment": "fine", "data": {"amount": 7}}],
            "data": {"amount": 7},
        }


@pytest.mark.parametrize(
    ("verdict", "way"), [("approved", "Approved"), ("rejected", "Rejected"), (None, "Expired")], ids=str
)
def test_each_outcome_has_a_way_of_its_own(database_url: str, verdict: str | None, way: str) -> None:
    edges = [(status, {"type": "match", "ref": "!ref($.output.status)", "value": status}) for status in
             ("approved", "rejected", "expired")]  # fmt: skip
    document = a_workflow().action("ask", "builtin:approval", {"title": "Refund?", "timeout": "1d"})
    for status, _ in edges:
        document = document.action(status, inputs={"value": status})
    built = document.trigger("test/happened").document() | {
        "edges": [{"from": "$source", "to": "ask"}]
        + [{"from": "ask", "to": status, "conditional": condition} for status, condition in edges]
    }
    with a_runtime(database_url) as harness:
        spec = harness.registry.get("builtin:approval")
        assert spec is not None
        assert [edge.name for edge in spec.edges.edges] == ["Approved", "Rejected", "Expired"]
        assert [dict(edge.conditional) for edge in spec.edges.edges] == [condition for _, condition in edges]
        harness.deploy(built)
        harness.send("test/happened")
        harness.drain()
        (asked,) = harness.runtime.approvals.find(DEFAULT_SCOPE, limit=5)
        if verdict is None:
            harness.skip(DAY)
        else:
            decide(harness, asked.record.id, verdict)
            harness.drain()
        run = harness.run()
        assert run["status"] == "completed"
        assert set(loads(run["output"])) == {way.lower()}


def test_two_approvals_in_one_run_have_different_links_and_an_approval_that_is_entered_again_has_its_own(
    database_url: str,
) -> None:
    def handler(ctx: StepContext) -> Any:
        first = ctx.step.approval("first", "First?", assignees=ADA, timeout="1d")
        ctx.step.sleep("nap", 60)
        second = ctx.step.approval("second", "Second?", assignees=ADA, timeout="1d")
        return [first["status"], second["status"]]

    with a_runtime(database_url, durable(handler), secret_key=SECRET_KEY, public_url=PUBLIC_URL) as harness:
        start(harness)
        first = token_of(harness, ADA)
        assert told(harness, "requested")[0]["links"][ADA] == f"{PUBLIC_URL}/a/{first}"
        invited = harness.runtime.approvals.invited(first)
        assert (invited.assignee, invited.approval.record.request.title) == (ADA, "First?")
        decide(harness, invited.approval.record.id)
        harness.drain()
        harness.skip(60)
        second = token_of(harness, ADA, 1)
        assert first != second
        found = harness.runtime.approvals.invited(second).approval
        assert found.record.request.title == "Second?"
        # The link follows from the approval, so whoever makes it again makes the same.
        assert harness.new_process().links.approval(found.record.id, ADA) == f"{PUBLIC_URL}/a/{second}"
        decide(harness, found.record.id, "rejected")
        assert output(harness, "d") == ["approved", "rejected"]


def test_links_are_for_their_assignee_and_no_other_key_opens_them(database_url: str) -> None:
    with a_runtime(database_url, secret_key=SECRET_KEY) as harness:
        approval_id = ask(harness, assignees=[ADA, BOB])
        mine, theirs = token_of(harness, ADA), token_of(harness, BOB)
        assert mine != theirs
        approvals = harness.runtime.approvals
        assert approvals.invited(theirs).assignee == BOB
        forged = [
            approval_id, "", "x", mine[:-1], mine + "A", "0" * 26 + mine[26:], mine[:26] + theirs[26:][::-1],
            mine[:-1] + ("A" if mine[-1] != "A" else "B"), mine.lower(), mine + "\n", "é" * 69,
        ]  # fmt: skip
        for token in forged:
            with pytest.raises(NotFound):
                approvals.invited(token)
        other_key = SECRET_KEY.replace("test:", "other:").replace("AAEC", "BBEC")
        with pytest.raises(NotFound):
            harness.new_process(secret_key=other_key).approvals.invited(mine)
        rotated = harness.new_process(secret_key=f"{other_key},{SECRET_KEY}")
        assert rotated.approvals.invited(mine).assignee == ADA


def test_nothing_that_is_stored_of_an_approval_is_a_link(database_url: str) -> None:
    with a_runtime(database_url, secret_key=SECRET_KEY) as harness:
        ask(harness, assignees=[ADA])
        secret = token_of(harness, ADA)[26:]
        for table in ("approvals", "approval_assignees", "approval_decisions", "waits", "journal", "steps", "runs"):
            assert secret not in str(harness.rows(f"SELECT * FROM {table}")), table


def test_a_double_click_decides_once(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        approval_id = ask(harness, assignees=[ADA])
        first, second = at_once(*[lambda: decide(harness, approval_id)] * 2)
        assert sorted((type(first).__name__, type(second).__name__)) == ["Approval", "Conflict"]
        with pytest.raises(Conflict):
            decide(harness, approval_id, "rejected")
        harness.drain()
        assert len(output(harness)["decisions"]) == 1
        with pytest.raises(Conflict):
            decide(harness, approval_id)


def test_two_people_at_the_same_moment_decide_one_after_the_other(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        approval_id = ask(harness, assignees=[ADA, BOB, EVE], needed=2)
        outcomes = at_once(
            lambda: decide(harness, approval_id, actor=ADA),
            lambda: decide(harness, approval_id, actor=BOB),
            lambda: decide(harness, approval_id, actor=EVE),
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Approval", "Approval", "Conflict"]
        statuses = sorted(outcome.status.value for outcome in outcomes if isinstance(outcome, Approval))
        assert statuses == ["approved", "open"]
        assert [decision["decision"] for decision in output(harness)["decisions"]] == ["approved", "approved"]


def test_after_its_time_an_approval_is_over_whether_or_not_a_worker_has_noticed(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        approval_id = ask(harness, assignees=[ADA, BOB], needed=2, timeout=60)
        decide(harness, approval_id, actor=BOB)
        harness.clock.advance(seconds=60)
        approvals = harness.runtime.approvals
        assert approvals.get(DEFAULT_SCOPE, approval_id).status is Status.EXPIRED
        assert approvals.find(DEFAULT_SCOPE, limit=5, wanted=ApprovalFilter(Status.OPEN)) == []
        assert len(approvals.find(DEFAULT_SCOPE, limit=5, wanted=ApprovalFilter(Status.EXPIRED))) == 1
        with pytest.raises(Gone):
            decide(harness, approval_id)
        harness.skip(0)
        result = output(harness)
        assert (result["status"], result["data"], len(result["decisions"])) == ("expired", None, 1)
        with pytest.raises(Gone):
            decide(harness, approval_id)
        assert [each["status"] for each in told(harness, "decided")] == ["expired"]


def test_of_a_decision_and_the_time_out_that_a_worker_finds_one_counts(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        approval_id = ask(harness, assignees=[ADA], timeout=60)
        harness.clock.advance(seconds=59)
        harness.runtime.relay.tick()

        def expire() -> None:
            harness.clock.advance(seconds=1)
            harness.skip(0)

        outcomes = at_once(lambda: decide(harness, approval_id), expire)
        harness.skip(5)
        is_decided = any(isinstance(outcome, Approval) for outcome in outcomes)
        assert output(harness)["status"] == ("approved" if is_decided else "expired")
        assert [each["status"] for each in told(harness, "decided")] == [output(harness)["status"]]


@pytest.mark.parametrize(
    ("needed", "reject_on", "verdicts", "status"),
    [
        (1, "any", "a", "approved"),
        (2, "any", "aa", "approved"),
        (2, "any", "ar", "rejected"),
        (1, "all", "rra", "approved"),
        (1, "all", "rrr", "rejected"),
        (2, "all", "rr", "rejected"),
        (2, "all", "raa", "approved"),
        (3, "all", "r", "rejected"),
    ],
)
def test_n_of_m(database_url: str, needed: int, reject_on: str, verdicts: str, status: str) -> None:
    people = [ADA, BOB, EVE]
    with a_runtime(database_url) as harness:
        approval_id = ask(harness, assignees=people, needed=needed, reject_on=reject_on)
        for number, (letter, actor) in enumerate(zip(verdicts, people, strict=False), start=1):
            decided = decide(harness, approval_id, {"a": "approved", "r": "rejected"}[letter], actor)
            assert decided.status is (Status(status) if number == len(verdicts) else Status.OPEN)
        result = output(harness)
        assert (result["status"], len(result["decisions"])) == (status, len(verdicts))


def test_what_does_not_fit_the_form_is_refused_with_all_places(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        approval_id = ask(harness, assignees=[ADA], form=FORM)
        for data, pointers in (
            (None, ["/data"]),
            ({}, ["/data"]),
            ({"amount": 0, "reason": 7, "kind": "gift"}, ["/data/amount", "/data/kind", "/data/reason"]),
            ({"amount": 1, "more": 1}, ["/data"]),
            ([], ["/data"]),
        ):
            with pytest.raises(InvalidForm) as caught:
                decide(harness, approval_id, data=data)
            assert sorted(pointer for pointer, _ in _problems(caught.value)) == pointers, data
        with pytest.raises(InvalidForm):
            decide(harness, approval_id, "rejected", data={"amount": 1})
        with pytest.raises(LimitExceeded):
            decide(harness, approval_id, data={"amount": 1, "reason": "x" * 70_000})
        with pytest.raises(InvalidInput):
            decide(harness, approval_id, data={"amount": 1}, comment="x" * 3_000)
        with pytest.raises(InvalidInput):
            decide(harness, approval_id, data={"amount": 1}, comment="\0")
        assert harness.rows("SELECT * FROM approval_decisions") == []
        decide(harness, approval_id, "rejected", comment="no form is needed for that")
        assert output(harness)["status"] == "rejected"


def test_only_those_who_are_asked_may_decide_unless_they_may_decide_anything(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        approval_id = ask(harness, assignees=[ADA])
        with pytest.raises(Forbidden):
            decide(harness, approval_id, actor=EVE)
        decide(harness, approval_id, actor="key:x", must_be_assigned=False)
        assert output(harness)["decisions"][0]["actor"] == "key:x"


def test_without_assignees_anybody_may_decide_who_may_decide_approvals(database_url: str) -> None:
    with a_runtime(database_url, secret_key=SECRET_KEY) as harness:
        approval_id = ask(harness)
        assert told(harness, "requested")[0]["links"] == {}
        decide(harness, approval_id, actor="anybody")
        assert output(harness)["status"] == "approved"


def test_an_approval_of_another_tenant_is_not_there(database_url: str) -> None:
    other = Scope("default", "other")
    with a_runtime(database_url) as harness:
        approval_id = ask(harness, scope=other, assignees=[ADA])
        assert harness.runtime.approvals.find(DEFAULT_SCOPE, limit=5) == []
        with pytest.raises(NotFound):
            harness.runtime.approvals.get(DEFAULT_SCOPE, approval_id)
        with pytest.raises(NotFound):
            decide(harness, approval_id)
        harness.runtime.approvals.decide(other, approval_id, Choice(ADA, Verdict.APPROVED))
        assert output(harness)["status"] == "approved"


def test_the_inbox_is_filtered_by_status_and_assignee_newest_first(database_url: str) -> None:
    def handler(ctx: StepContext) -> None:
        who = {"first": ADA, "second": BOB, "third": [ADA, BOB]}
        asked = [lambda name=name: ctx.step.approval(name, name, assignees=who[name], timeout="1d") for name in who]
        ctx.group.parallel(asked)

    with a_runtime(database_url, durable(handler)) as harness:
        start(harness)
        approvals = harness.runtime.approvals

        def titles(**where: Any) -> list[str]:
            found = approvals.find(DEFAULT_SCOPE, limit=5, wanted=ApprovalFilter(**where))
            assert [each.record.id for each in found] == sorted((each.record.id for each in found), reverse=True)
            return sorted(each.record.request.title for each in found)

        assert titles() == ["first", "second", "third"]
        assert titles(assignee=ADA) == ["first", "third"]
        (second,) = [each for each in approvals.find(DEFAULT_SCOPE, limit=5, wanted=ApprovalFilter(assignee=BOB)) if
                     each.record.request.title == "second"]  # fmt: skip
        decide(harness, second.record.id, "rejected", BOB)
        assert titles(status=Status.OPEN) == ["first", "third"]
        assert titles(status=Status.REJECTED) == ["second"]
        assert titles(status=Status.OPEN, assignee=BOB) == ["third"]
        newest = approvals.find(DEFAULT_SCOPE, limit=1)[0].record.id
        assert newest not in [each.record.id for each in approvals.find(DEFAULT_SCOPE, limit=5, before=newest)]


def test_approvals_of_a_cancelled_run_are_cancelled(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        approval_id = ask(harness, assignees=[ADA])
        harness.runtime.control.cancel(DEFAULT_SCOPE, harness.run()["id"])
        assert harness.runtime.approvals.get(DEFAULT_SCOPE, approval_id).status is Status.CANCELLED
        with pytest.raises(Gone):
            decide(harness, approval_id)
        assert told(harness, "decided") == []


def test_a_cancellation_and_a_decision_at_the_same_moment_do_not_lock_each_other_out(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        approval_id = ask(harness, assignees=[ADA])
        run_id = harness.run()["id"]
        outcomes = at_once(
            lambda: decide(harness, approval_id), lambda: harness.runtime.control.cancel(DEFAULT_SCOPE, run_id)
        )
        assert all(isinstance(outcome, Approval | Gone | str) for outcome in outcomes), outcomes
        harness.drain()
        assert harness.run()["status"] in ("cancelled", "completed")


def test_the_engine_tells_hosts_of_what_is_asked_and_decided(database_url: str) -> None:
    with a_runtime(database_url, secret_key=SECRET_KEY, public_url=PUBLIC_URL) as harness:
        document = a_workflow().action("n", inputs={"value": "!ref($.event.data.title)"}).path("$source", "n")
        harness.deploy(document.trigger("workflow/approval.*").document(), "notify")
        approval_id = ask(harness, assignees=[ADA, BOB], description="It was broken.", needed=2, timeout="7d")
        (asked,) = told(harness, "requested")
        links = asked.pop("links")
        assert set(links) == {ADA, BOB}
        run = harness.rows("SELECT id FROM runs WHERE workflow_id = 'test'")[0]["id"]
        expires_at = asked.pop("expires_at")
        assert asked == {
            "approval_id": approval_id, "run_id": run, "workflow_id": "test", "step": "ask", "title": "Refund?",
            "description": "It was broken.", "assignees": [ADA, BOB], "needed": 2,
        }  # fmt: skip
        assert expires_at.endswith("Z")
        harness.skip(1)
        decide(harness, approval_id, "rejected", comment="no")
        (decided,) = told(harness, "decided")
        assert (decided["status"], decided["decisions"][0]["comment"]) == ("rejected", "no")
        assert "data" not in decided["decisions"][0]
        harness.skip(1)
        statuses = harness.column("SELECT status FROM runs WHERE workflow_id = 'notify'")
        assert statuses == ["completed", "completed"]


def test_reminders_come_at_their_times_to_those_who_have_not_decided(database_url: str) -> None:
    with a_runtime(database_url, secret_key=SECRET_KEY) as harness:
        approval_id = ask(harness, assignees=[ADA, BOB], needed=2, timeout="7d", reminders=["1d", "3d", "9d"])
        harness.skip(DAY - 1)
        assert told(harness, "reminded") == []
        harness.skip(1)
        assert [(each["reminder"], sorted(each["links"])) for each in told(harness, "reminded")] == [(1, [ADA, BOB])]
        decide(harness, approval_id, actor=BOB)
        harness.skip(2 * DAY)
        assert [(each["reminder"], each["assignees"]) for each in told(harness, "reminded")][1:] == [(2, [ADA])]
        decide(harness, approval_id, actor=ADA)
        harness.skip(7 * DAY)
        assert len(told(harness, "reminded")) == 2
        assert harness.rows("SELECT * FROM timers") == []


def test_a_reminder_of_what_is_decided_is_not_sent(database_url: str) -> None:
    with a_runtime(database_url) as harness:
        approval_id = ask(harness, assignees=[ADA], timeout="7d", reminders=["1d"])
        decide(harness, approval_id)
        assert harness.rows("SELECT * FROM timers") == []
        harness.skip(2 * DAY)
        assert told(harness, "reminded") == []


# --- mail


def _mails(directory: Path) -> list[Message]:
    found = [message_from_bytes(path.read_bytes()) for path in directory.glob("*.eml")]
    return sorted(found, key=lambda mail: (str(mail["Subject"]), str(mail["To"])))


def _mailing(directory: Path) -> dict[str, Any]:
    return {"secret_key": SECRET_KEY, "public_url": PUBLIC_URL, "email_url": f"file://{directory}"}


def test_assignees_that_are_addresses_get_one_mail_each_and_those_who_have_not_decided_reminders(
    database_url: str, tmp_path: Path
) -> None:
    with a_runtime(database_url, **_mailing(tmp_path / "mail")) as harness:
        people = [ADA, BOB, "team-lead"]
        approval_id = ask(harness, assignees=people, needed=2, timeout="7d", reminders=["1d"], description="Broken.")
        mails = _mails(tmp_path / "mail")
        assert [(mail["Subject"], mail["To"]) for mail in mails] == [("Refund?", ADA), ("Refund?", BOB)]
        text = bytes(mails[0].get_payload(decode=True)).decode()
        assert f"{PUBLIC_URL}/a/{token_of(harness, ADA)}" in text
        assert "Broken." in text
        harness.skip(3600)
        assert len(_mails(tmp_path / "mail")) == 2
        decide(harness, approval_id, actor=BOB)
        harness.drain()
        harness.skip(DAY)
        assert [mail["Subject"] for mail in _mails(tmp_path / "mail")] == ["Refund?", "Refund?", "Reminder: Refund?"]
        assert _mails(tmp_path / "mail")[2]["To"] == ADA
        decide(harness, approval_id, actor=ADA)
        assert output(harness)["status"] == "approved"
        assert "missing" not in str(harness.rows("SELECT data FROM journal"))


def test_mail_that_cannot_be_sent_is_tried_again_and_never_fails_the_approval(
    database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "mail").write_text("a file where the directory should be")
    with a_runtime(database_url, **_mailing(tmp_path / "mail")) as harness:
        approval_id = ask(harness, assignees=[ADA], timeout="7d")
        assert harness.run()["status"] == "waiting"
        (tmp_path / "mail").unlink()
        harness.skip(3600)
        assert len(_mails(tmp_path / "mail")) == 1
        decide(harness, approval_id)
        assert output(harness)["status"] == "approved"


def test_mail_that_is_refused_for_good_leaves_the_approval_as_it_is(database_url: str, tmp_path: Path) -> None:
    settings = _mailing(tmp_path) | {"email_url": "smtp://user:pw@127.0.0.1:1?tls=never"}
    with a_runtime(database_url, **settings) as harness:
        approval_id = ask(harness, assignees=[ADA])
        assert harness.run()["status"] == "waiting"
        decide(harness, approval_id)
        assert output(harness)["status"] == "approved"


@pytest.mark.parametrize("missing", ["public_url", "email_url"])
def test_without_a_public_address_or_a_mail_server_no_mail_is_sent(
    database_url: str, tmp_path: Path, missing: str
) -> None:
    settings = _mailing(tmp_path / "mail")
    del settings[missing]
    with a_runtime(database_url, **settings) as harness:
        ask(harness, assignees=[ADA])
        assert not (tmp_path / "mail").exists()
        assert harness.journal("completed") == [("completed", "$source")]


def test_an_async_handler_asks_and_mails_likewise(database_url: str, tmp_path: Path) -> None:
    async def handler(ctx: AsyncStepContext) -> Any:
        return await asyncio.gather(
            ctx.step.approval("first", "First?", assignees=ADA, timeout="1d"),
            ctx.step.approval("second", "Second?", assignees=BOB, timeout="1d"),
        )

    with a_runtime(database_url, durable(handler), **_mailing(tmp_path / "mail")) as harness:
        start(harness)
        assert [mail["Subject"] for mail in _mails(tmp_path / "mail")] == ["First?", "Second?"]
        for each in harness.runtime.approvals.find(DEFAULT_SCOPE, limit=5):
            decide(harness, each.record.id, "rejected", each.record.request.assignees[0])
            harness.drain()
        assert [each["status"] for each in output(harness, "d")] == ["rejected", "rejected"]


# --- what cannot be asked


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"assignees": [ADA], "needed": 2}, "needed"),
        ({"assignees": [f"{n}@example.com" for n in range(51)]}, "approval_assignees"),
        ({"form": {"type": "string"}}, "form"),
        ({"form": {"type": "object", "properties": {"x": {"$ref": "https://example.com/x.json"}}}}, "form"),
        ({"form": {"type": "object", "properties": {"x": {"pattern": "(?<=a)b"}}}}, "form"),
        ({"form": {"type": "object", "title": "x" * 70_000}}, "approval_form_bytes"),
        ({"form": doubling_schema(28)}, "schema_weight"),
        ({"reminders": ["1h"] * 11}, "reminders"),
        ({"reminders": ["soon"]}, "reminders"),
        ({"timeout": "forever"}, "timeout"),
        ({"description": "x" * 10_001}, "description"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_asked_fails_the_step_and_asks_nobody(sqlite_url: str, inputs: Any, words: str) -> None:
    # From the event: of what stands in the document, much is refused when it is published.
    given = {name: f"!ref($.event.data.{name})" for name in inputs}
    document = a_workflow().action("ask", "builtin:approval", {"title": "Refund?"} | given).path("$source", "ask")
    with a_runtime(sqlite_url) as harness:
        harness.deploy(document.trigger("test/happened").document())
        harness.send("test/happened", inputs)
        harness.drain()
        run = harness.run()
        assert run["status"] == "failed"
        assert words in run["error"]
        assert harness.rows("SELECT * FROM approvals") == []


EMPTY: list[dict[str, Any]] = [{}, {"m": None}, {"m": ""}, {"m": " "}, {"m": []}, {"m": [""]}, {"m": [" "]}]


@pytest.mark.parametrize("data", EMPTY, ids=repr)
@pytest.mark.parametrize("in_loop", [False, True])
def test_assignees_that_come_out_empty_ask_nobody_instead_of_everybody(
    sqlite_url: str, data: dict[str, Any], in_loop: bool
) -> None:
    ask_by = "!ref($.item.m)" if in_loop else "!ref($.event.data.m)"
    asking = {"id": "ask", "kind": "builtin:approval", "inputs": {"title": "Refund?", "assignees": ask_by}}
    to_ask = [{"from": "$source", "to": "ask"}]
    loop = {"id": "each", "kind": "builtin:for_each", "inputs": {"items": "!ref($.event.data.all)"},
            "body": {"actions": [asking], "edges": to_ask}}  # fmt: skip
    actions, edges = ([loop], [{"from": "$source", "to": "each"}]) if in_loop else ([asking], to_ask)
    document = {"name": "x", "triggers": [{"event": "test/happened"}], "actions": actions, "edges": edges}
    with a_runtime(sqlite_url) as harness:
        harness.deploy(document)
        harness.send("test/happened", {"all": [data]} if in_loop else data)
        harness.drain()
        harness.skip(5)
        (run,) = harness.rows("SELECT status, error FROM runs WHERE parent_run_id IS NULL")
        assert run["status"] == "failed"
        assert "assignees" in run["error"]
        assert harness.rows("SELECT * FROM approvals") == []


@pytest.mark.parametrize("given", [None, "", " ", [], [""], [" "]], ids=repr)
def test_assignees_that_are_written_empty_are_not_published(sqlite_url: str, given: Any) -> None:
    document = a_workflow().action("ask", "builtin:approval", {"title": "Refund?", "assignees": given})
    with a_runtime(sqlite_url) as harness:
        with pytest.raises(DefinitionError) as refused:
            harness.deploy(document.path("$source", "ask").trigger("test/happened").document())
        (problem,) = refused.value.problems
        assert problem.pointer.startswith("/actions/0/inputs/assignees")


@pytest.mark.parametrize("given", [None, "", [], (), " "], ids=repr)
def test_a_handler_that_names_nobody_asks_nobody(database_url: str, given: Any) -> None:
    def handler(ctx: StepContext) -> None:
        ctx.step.approval("ok", "Go on?", assignees=given, timeout="1d")

    with a_runtime(database_url, durable(handler)) as harness:
        start(harness)
        run = harness.run()
        assert run["status"] == "failed"
        assert "leave it out to ask whoever may decide" in run["error"]
        assert harness.rows("SELECT * FROM approvals") == []


def test_what_older_code_has_asked_of_everybody_goes_on(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def handler(ctx: StepContext) -> Any:
        first = ctx.step.approval("first", "First?", assignees=[], timeout="1d")["status"]
        return [first, ctx.step.approval("second", "Second?", timeout="1d")["status"]]

    with a_runtime(database_url, durable(handler)) as harness:
        with monkeypatch.context() as older:
            older.setattr("workflowkit.engine.steptools.is_empty", lambda given: False)
            start(harness)
        for _ in range(2):  # the first is open, and then it is decided and entered again
            (asked,) = harness.runtime.approvals.find(DEFAULT_SCOPE, limit=5, wanted=ApprovalFilter(status=Status.OPEN))
            decide(harness, asked.record.id)
            harness.drain()
        assert output(harness, "d") == ["approved", "approved"]


# --- crashes


def _crash_at(name: str, tmp_path: Path) -> None:
    failpoints.arm(f"{name}:raise:1:{tmp_path / 'hits'}")


def test_a_crash_between_a_decision_and_its_wake_up_loses_nothing(database_url: str, tmp_path: Path) -> None:
    with a_runtime(database_url) as harness:
        approval_id = ask(harness, assignees=[ADA])
        _crash_at("approval.after_commit", tmp_path)
        try:
            with pytest.raises(FailpointReached):
                decide(harness, approval_id)
        finally:
            failpoints.arm("")
        assert not harness.dispatcher.waiting
        harness.skip(5)  # the relay looks
        assert output(harness)["status"] == "approved"


def test_a_crash_before_a_decision_is_committed_leaves_it_to_be_made_again(database_url: str, tmp_path: Path) -> None:
    with a_runtime(database_url) as harness:
        approval_id = ask(harness, assignees=[ADA])
        _crash_at("approval.before_commit", tmp_path)
        try:
            with pytest.raises(FailpointReached):
                decide(harness, approval_id)
        finally:
            failpoints.arm("")
        assert told(harness, "decided") == []
        decide(harness, approval_id)
        assert output(harness)["status"] == "approved"


def test_decisions_cannot_be_changed_even_by_hand(database_url: str) -> None:
    import sqlalchemy as sa

    with a_runtime(database_url) as harness:
        decide(harness, ask(harness, assignees=[ADA]))
        for statement in ("UPDATE approval_decisions SET actor = 'eve'", "DELETE FROM approval_decisions"):
            with harness.runtime.database.engine.connect() as connection, pytest.raises(sa.exc.DBAPIError):
                connection.exec_driver_sql(statement)


def test_an_approval_in_memory_expires(sqlite_url: str) -> None:
    from workflowkit import WorkflowKit

    document = a_workflow().action("ask", "builtin:approval", {"title": "Refund?"}).path("$source", "ask").document()
    result = WorkflowKit(database_url=sqlite_url).engine.run(document, {"name": "test/happened", "data": {}})
    assert result.output == {"ask": {"status": "expired", "decisions": [], "data": None}}


def test_an_approval_whose_commit_was_not_answered_is_begun_once(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflowkit.runtime.stepping.RECORD_PAUSES_SECONDS", (0.0,))
    lost: list[str] = []

    def lose(name: str) -> None:
        if name == "step.after_commit" and not lost:
            lost.append(name)
            raise StoreUnavailable("the connection broke after the commit")

    with a_runtime(database_url, **_mailing(tmp_path / "mail")) as harness:
        stop = failpoints.listen(lose)
        try:
            approval_id = ask(harness, assignees=[ADA])
        finally:
            stop()
        assert lost
        assert len(told(harness, "requested")) == len(_mails(tmp_path / "mail")) == 1
        decide(harness, approval_id)
        assert output(harness)["status"] == "approved"


def test_a_function_asks_like_any_handler(database_url: str) -> None:
    code = Code()

    @code.function()
    def fn(ctx: StepContext) -> Any:
        return ctx.step.approval("ok", "Go on?", assignees=ADA, timeout="1d")["status"]

    with code.running(database_url) as harness:
        happen(harness)
        (asked,) = harness.runtime.approvals.find(DEFAULT_SCOPE, limit=5)
        assert asked.record.workflow_id == "shop/fn"
        decide(harness, asked.record.id)
        harness.drain()
        assert output_of(harness) == "approved"


def test_each_item_of_a_loop_asks_for_itself(database_url: str) -> None:
    body = {
        "actions": [{"id": "ask", "kind": "builtin:approval", "inputs": {"title": "!ref($.item)", "assignees": [ADA]}}],
        "edges": [{"from": "$source", "to": "ask"}],
    }
    loop = {"id": "each", "kind": "builtin:for_each", "inputs": {"items": ["first", "second"]}, "body": body}
    document = {"name": "Loop", "triggers": [{"event": "test/happened"}], "actions": [loop],
                "edges": [{"from": "$source", "to": "each"}]}  # fmt: skip
    with a_runtime(database_url, secret_key=SECRET_KEY) as harness:
        harness.deploy(document)
        harness.send("test/happened")
        harness.drain()
        harness.skip(5)
        asked = harness.runtime.approvals.find(DEFAULT_SCOPE, limit=5)
        assert sorted(each.record.request.title for each in asked) == ["first", "second"]
        assert token_of(harness, ADA, 0) != token_of(harness, ADA, 1)
        for each in asked:
            decide(harness, each.record.id, "approved" if each.record.request.title == "first" else "rejected")
            harness.drain()
        harness.skip(5)
        (run,) = harness.rows("SELECT status, output FROM runs WHERE parent_run_id IS NULL")
        assert run["status"] == "completed"
        assert "rejected" in run["output"]


# --- given up anywhere


def _journey(harness: Harness, directory: Path) -> dict[str, Any]:
    """Let a run ask by mail, and hand out a URL; decide and call; return all that can be seen of it afterwards."""

    def go_on() -> None:
        for seconds in (0, 120, 120):  # by which a lease that was given up has ended
            with contextlib.suppress(LeaseInterrupt):  # between two steps it is the worker's own
                harness.skip(seconds)

    with contextlib.suppress(LeaseInterrupt):
        start(harness)
    go_on()
    (asked,) = harness.runtime.approvals.find(DEFAULT_SCOPE, limit=5)
    decide(harness, asked.record.id, data={"amount": 1})
    go_on()
    (made,) = harness.rows("SELECT data FROM journal WHERE step_key = 'd/done' AND kind = 'completed'")
    harness.runtime.callbacks.receive(made["data"].partition("/c/")[2][:52], "called")
    go_on()
    result = output(harness, "d")
    for decision in result[0]["decisions"]:
        del decision["at"]
    return {
        "output": result,
        "mails": sorted(str(mail["To"]) for mail in _mails(directory)),
        "events": [len(told(harness, occasion)) for occasion in ("requested", "decided")],
        "results": sorted(step for kind, step in harness.journal("completed")),
        "rows": [harness.rows(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in
                 ("approvals", "approval_assignees", "approval_decisions", "callbacks", "waits")],
    }  # fmt: skip


def _asks_and_hands_out(ctx: StepContext) -> Any:
    asked = ctx.step.approval("ask", "Refund?", assignees=[ADA, BOB], form=FORM, timeout="1d")
    done = ctx.step.callback("done", timeout="1d")
    return [asked, done.wait()]


def test_a_run_that_asks_and_is_given_up_at_any_commit_ends_as_if_nothing_had_been(
    sqlite_url: str, tmp_path: Path
) -> None:
    passed: list[str] = []
    template = Path(sqlite_url.removeprefix("sqlite:///"))
    names = {f"{name}.{side}" for name in ("claim", "record", "step", "suspend") for side in
             ("before_commit", "after_commit")}  # fmt: skip

    def attempt(give_up_at: int | None) -> dict[str, Any]:
        place = tmp_path / f"at-{give_up_at}"
        place.mkdir()
        shutil.copyfile(template, place / "copy.db")
        passed.clear()

        def pass_by(name: str) -> None:
            if name in names:
                passed.append(name)
                if len(passed) - 1 == give_up_at:
                    raise LeaseInterrupt

        with a_runtime(
            f"sqlite:///{place / 'copy.db'}", durable(_asks_and_hands_out), **_mailing(place / "mail")
        ) as harness:
            stop = failpoints.listen(pass_by)
            try:
                return _journey(harness, place / "mail")
            finally:
                stop()

    expected = attempt(None)
    total = len(passed)
    assert expected["mails"] == [ADA, BOB]
    assert expected["events"] == [1, 1]
    assert total > 15
    for give_up_at in range(total):
        assert attempt(give_up_at) == expected, (give_up_at, passed[give_up_at])
