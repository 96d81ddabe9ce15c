"""Authoring over HTTP: drafts with revisions, validation, immutable versions, the switch."""

from __future__ import annotations

import json
from typing import Any

import pytest
from webapi import OTHER_TENANT, Client, Web, a_document, a_web, problems_of

from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.runtime.auditing import By
from workflowkit.store import queries

CYCLE = a_document(edges=[{"from": "$source", "to": "greet"}, {"from": "greet", "to": "greet"}])


def _created(client: Client, document: dict[str, Any] | None = None, workflow_id: str = "welcome") -> Any:
    response = client.post("/api/workflows", {"id": workflow_id, "document": document or a_document()})
    assert response.status_code == 201, response.get_json()
    return response.get_json()


def _triggers(web: Web) -> list[tuple[str, str, int]]:
    return [
        (row["pattern"], row["workflow_id"], row["version"])
        for row in web.harness.rows("SELECT pattern, workflow_id, version FROM workflow_triggers WHERE enabled")
    ]


def test_a_new_workflow_is_enabled_and_not_published(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        workflow = _created(client)
        assert workflow["id"] == "welcome"
        assert workflow["name"] == "Welcome"
        assert workflow["enabled"] is True
        assert workflow["published_version"] is None
        assert client.get("/api/workflows/welcome").get_json() == workflow
        assert _triggers(web) == []


def test_an_id_is_made_up_if_none_is_given(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        first = client.post("/api/workflows", {"document": {}}).get_json()
        second = client.post("/api/workflows", {"document": {}}).get_json()
        assert first["id"] != second["id"]
        assert first["name"] == first["id"]
        assert client.get(f"/api/workflows/{first['id']}/draft").get_json()["document"] == {}


def test_a_taken_id_conflicts_but_not_with_another_tenants(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        _created(client)
        again = client.post("/api/workflows", {"id": "welcome", "document": {}})
        assert (again.status_code, again.get_json()["code"]) == (409, "already-exists")
        _created(web.client(scope=OTHER_TENANT), a_document("Theirs"))
        assert client.get("/api/workflows/welcome").get_json()["name"] == "Welcome"


@pytest.mark.parametrize("workflow_id", ["", "A", "-a", "a b", "a/b", "ä", "a" * 65, "a\n"])
def test_an_id_has_a_plain_form(sqlite_url: str, workflow_id: str) -> None:
    with a_web(sqlite_url) as web:
        response = web.client().post("/api/workflows", {"id": workflow_id, "document": {}})
        assert response.status_code == 400
        assert problems_of(response) == [("/id", "invalid-value")]
        assert web.count("workflows") == 0


def test_a_draft_keeps_every_key_in_its_order(database_url: str) -> None:
    document = {"zeta": 1, **a_document(), "actions": [], "alpha": {"z": 1, "a": None}}
    with a_web(database_url) as web:
        client = web.client()
        _created(client, document)
        stored = json.loads(client.get("/api/workflows/welcome/draft").get_data())["document"]
        assert json.dumps(stored) == json.dumps(document)


def test_an_edit_names_the_revision_it_was_based_on(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        _created(client)
        draft = client.get("/api/workflows/welcome/draft")
        assert draft.headers["ETag"] == '"1"'
        path, edited = "/api/workflows/welcome/draft", {"document": a_document("Edited")}
        unconditional = client.put(path, edited)
        assert (unconditional.status_code, unconditional.get_json()["code"]) == (428, "precondition-required")
        saved = client.put(path, edited, headers={"If-Match": '"1"'})
        assert saved.headers["ETag"] == '"2"'
        assert saved.get_json()["revision"] == 2
        assert client.get("/api/workflows/welcome").get_json()["name"] == "Edited"
        stale = client.put(path, {"document": a_document("Other")}, headers={"If-Match": '"1"'})
        assert (stale.status_code, stale.get_json()["code"]) == (412, "stale-revision")
        assert client.get(path).get_json()["document"]["name"] == "Edited"


@pytest.mark.parametrize("tag", ['W/"1"', "1x", '"x"', '"0"', '"99999999999999999999"', '"-1"', ""])
def test_a_tag_that_is_not_the_revision_saves_nothing(sqlite_url: str, tag: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        _created(client)
        response = client.put(
            "/api/workflows/welcome/draft", {"document": a_document("Edited")}, headers={"If-Match": tag}
        )
        assert response.status_code == 412
        assert client.get("/api/workflows/welcome/draft").get_json()["revision"] == 1


def test_one_of_several_tags_or_a_star_may_match(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        _created(client)
        path = "/api/workflows/welcome/draft"
        assert client.put(path, {"document": {"name": "b"}}, headers={"If-Match": '"7", "1"'}).status_code == 200
        assert client.put(path, {"document": {"name": "c"}}, headers={"If-Match": "*"}).status_code == 200


def test_saving_the_same_again_never_conflicts(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        _created(client)
        path, edited = "/api/workflows/welcome/draft", {"document": a_document("Edited")}
        first = client.put(path, edited, headers={"If-Match": '"1"'})
        repeated = client.put(path, edited, headers={"If-Match": '"1"'})
        assert repeated.status_code == 200
        assert repeated.get_json() == first.get_json()


def test_validation_lists_every_problem_and_stores_nothing(sqlite_url: str) -> None:
    broken = a_document(
        actions=[{"id": "a", "kind": "no-such"}, {"id": "a", "kind": "noop"}],
        edges=[{"from": "$source", "to": "nowhere"}],
    )
    with a_web(sqlite_url) as web:
        client = web.client(["workflows:read"])
        answer = client.post("/api/validate", {"document": broken}).get_json()
        assert answer["is_valid"] is False
        pointers = [problem["pointer"] for problem in answer["problems"]]
        assert "/actions/0/kind" in pointers
        assert any(pointer.startswith("/actions/1") for pointer in pointers)
        assert any(pointer.startswith("/edges/0") for pointer in pointers)
        assert web.count("workflows") == 0
        assert client.post("/api/validate", {"document": a_document()}).get_json()["is_valid"] is True


def test_a_stored_draft_is_validated_too(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        _created(client, CYCLE)
        assert client.post("/api/workflows/welcome/validate").get_json()["is_valid"] is False


def test_publishing_makes_a_version_and_puts_its_triggers_in_force(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        _created(client)
        response = client.post("/api/workflows/welcome/publish")
        assert response.status_code == 201
        published = response.get_json()
        assert (published["version"], published["created"]) == (1, True)
        assert published["document"] == a_document()
        assert client.get("/api/workflows/welcome").get_json()["published_version"] == 1
        assert _triggers(web) == [("user/created", "welcome", 1)]


def test_publishing_the_published_document_makes_nothing(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        _created(client)
        first = client.post("/api/workflows/welcome/publish").get_json()
        again = client.post("/api/workflows/welcome/publish")
        assert again.status_code == 200
        assert again.get_json() == first | {"created": False}
        assert web.count("workflow_versions") == 1


def test_a_changed_label_makes_a_version_with_the_same_hash(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        _created(client)
        first = client.post("/api/workflows/welcome/publish").get_json()
        for document in (a_document("Renamed"), a_document("Renamed", event="user/left")):
            draft = client.get("/api/workflows/welcome/draft")
            client.put(
                "/api/workflows/welcome/draft", {"document": document}, headers={"If-Match": draft.headers["ETag"]}
            )
            assert client.post("/api/workflows/welcome/publish").status_code == 201
        versions = client.get("/api/workflows/welcome/versions").get_json()["items"]
        assert [version["version"] for version in versions] == [3, 2, 1]
        assert versions[1]["hash"] == first["hash"]
        assert client.get("/api/workflows/welcome/versions/2").get_json()["document"]["name"] == "Renamed"
        assert client.get("/api/workflows/welcome/versions/1").get_json()["document"] == a_document()
        assert _triggers(web) == [("user/left", "welcome", 3)]


def test_an_invalid_draft_is_not_published(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        _created(client, CYCLE)
        response = client.post("/api/workflows/welcome/publish")
        assert (response.status_code, response.get_json()["code"]) == (422, "invalid-definition")
        assert response.get_json()["problems"]
        assert web.count("workflow_versions") == 0
        assert _triggers(web) == []
        assert client.get("/api/workflows/welcome").get_json()["published_version"] is None


LONG_CONDITION = " || ".join(["event.data.x"] * 300)
BAD_PARTS: list[tuple[dict[str, Any], str, str]] = [
    ({"triggers": [{"event": f"shop/{number}"} for number in range(11)]}, "/triggers", "limit-exceeded"),
    ({"triggers": [{"event": "shop/upd*"}]}, "/triggers/0/event", "invalid-event-name"),
    ({"triggers": [{"cron": "61 * * * *"}]}, "/triggers/0/cron", "invalid-cron"),
    ({"triggers": [{"event": "a", "if": LONG_CONDITION}]}, "/triggers/0/if", "invalid-expression"),
    (
        {"settings": {"batch": {"max_size": 10, "timeout": "5s"}, "debounce": {"period": "5s"}}},
        "/settings/debounce",
        "conflicting-settings",
    ),
]


@pytest.mark.parametrize(("parts", "pointer", "code"), BAD_PARTS)
def test_bad_triggers_and_settings_are_refused_with_place_and_reason(
    sqlite_url: str, parts: dict[str, Any], pointer: str, code: str
) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        _created(client, a_document(**parts))

        response = client.post("/api/workflows/welcome/publish")

        assert response.status_code == 422
        [problem] = [each for each in response.get_json()["problems"] if each["severity"] == "error"]
        assert (problem["pointer"], problem["code"]) == (pointer, code)
        assert problem["message"]


def test_exactly_the_draft_that_was_seen_is_published(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        _created(client)
        seen = client.get("/api/workflows/welcome/draft").headers["ETag"]
        client.put("/api/workflows/welcome/draft", {"document": a_document("Newer")}, headers={"If-Match": seen})
        assert client.post("/api/workflows/welcome/publish", headers={"If-Match": seen}).status_code == 412
        assert web.count("workflow_versions") == 0
        assert client.post("/api/workflows/welcome/publish", headers={"If-Match": '"2"'}).status_code == 201


def test_a_version_keeps_who_published_it_and_their_note(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        _created(client)
        first = client.post("/api/workflows/welcome/publish").get_json()
        assert (first["published_by"].startswith("key:"), first["note"]) == (True, None)
        client.put("/api/workflows/welcome/draft", {"document": a_document("Two")}, headers={"If-Match": '"1"'})
        second = client.post("/api/workflows/welcome/publish", {"note": "  says who\nand why "}).get_json()
        assert (second["version"], second["note"]) == (2, "says who\nand why")
        again = client.post("/api/workflows/welcome/publish", {"note": "another"})
        assert (again.status_code, again.get_json()["note"]) == (200, "says who\nand why")
        shown = client.get("/api/workflows/welcome/versions").get_json()["items"]
        assert [(each["version"], each["note"]) for each in shown] == [(2, "says who\nand why"), (1, None)]
        assert client.get("/api/workflows/welcome/versions/2").get_json()["note"] == "says who\nand why"
        (entry,) = client.get("/api/audit?action=workflow.published&limit=1").get_json()["items"]
        assert (entry["actor"], entry["detail"]) == (
            second["published_by"], {"version": 2, "note": "says who\nand why"},
        )  # fmt: skip


def test_a_note_has_a_limit_and_is_text(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        _created(client)
        long = client.post("/api/workflows/welcome/publish", {"note": "x" * 1_001})
        assert (long.status_code, problems_of(long)) == (413, [("/note", "limit-exceeded")])
        wrong = client.post("/api/workflows/welcome/publish", {"note": 1})
        assert (wrong.status_code, problems_of(wrong)) == (400, [("/note", "invalid-type")])
        assert web.count("workflow_versions") == 0
        assert client.post("/api/workflows/welcome/publish", {"note": "x" * 1_000}).status_code == 201
        assert client.call("POST", "/api/workflows/welcome/publish", json=None).status_code == 200


def test_a_program_publishes_with_a_note_of_its_own(database_url: str) -> None:
    with a_web(database_url) as web:
        authoring = web.harness.runtime.authoring
        said = authoring.deploy(DEFAULT_SCOPE, "w", a_document(), note="release 7", by=By("release"))
        assert (said.version.published_by, said.version.note) == ("release", "release 7")
        silent = authoring.deploy(DEFAULT_SCOPE, "w", a_document("Other"))
        assert (silent.version.published_by, silent.version.note) == ("program", None)


def test_a_disabled_workflow_is_started_by_no_event_until_it_is_enabled(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        _created(client)
        client.post("/api/workflows/welcome/publish")
        assert client.post("/api/workflows/welcome/disable").get_json()["enabled"] is False
        assert client.post("/api/workflows/welcome/disable").get_json()["enabled"] is False
        assert _triggers(web) == []
        event_id = web.harness.send("user/created")
        web.harness.drain()
        told = client.get(f"/api/events/{event_id}").get_json()
        assert (told["runs"], [each["reason"] for each in told["decisions"]]) == ([], ["disabled"])
        assert client.post("/api/workflows/welcome/enable").get_json()["enabled"] is True
        assert _triggers(web) == [("user/created", "welcome", 1)]


def test_publishing_a_disabled_workflow_leaves_it_off(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        _created(client)
        client.post("/api/workflows/welcome/disable")
        assert client.post("/api/workflows/welcome/publish").status_code == 201
        assert _triggers(web) == []
        client.post("/api/workflows/welcome/enable")
        assert _triggers(web) == [("user/created", "welcome", 1)]


def test_a_duplicate_has_the_present_draft_and_nothing_else(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        _created(client)
        client.post("/api/workflows/welcome/publish")
        client.post("/api/workflows/welcome/disable")
        edited = a_document("Welcome", description="as it is edited")
        client.put("/api/workflows/welcome/draft", {"document": edited}, headers={"If-Match": '"1"'})
        response = client.post("/api/workflows/welcome/duplicate", {"name": "Copy of Welcome"})
        made = response.get_json()
        assert (response.status_code, made["name"], made["enabled"]) == (201, "Copy of Welcome", True)
        assert made["published_version"] is None
        draft = client.get(f"/api/workflows/{made['id']}/draft").get_json()
        assert (draft["revision"], draft["document"]) == (1, {**edited, "name": "Copy of Welcome"})
        assert client.get(f"/api/workflows/{made['id']}/versions").get_json()["items"] == []
        assert client.get("/api/workflows/welcome/draft").get_json()["document"] == edited
        assert client.post(f"/api/workflows/{made['id']}/publish").status_code == 201


def test_a_duplicate_keeps_the_name_if_none_is_given_and_takes_an_id(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        _created(client)
        made = client.post("/api/workflows/welcome/duplicate").get_json()
        assert (made["name"], made["id"] != "welcome") == ("Welcome", True)
        assert client.post("/api/workflows/welcome/duplicate", {"id": "second"}).get_json()["id"] == "second"
        taken = client.post("/api/workflows/welcome/duplicate", {"id": "second"})
        assert (taken.status_code, taken.get_json()["code"]) == (409, "already-exists")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"id": "No good"}, ("/id", "invalid-value")),
        ({"name": ""}, ("/name", "invalid-value")),
        ({"name": "x" * 201}, ("/name", "invalid-value")),
        ({"name": 7}, ("/name", "invalid-type")),
        ({"names": "x"}, ("/names", "unknown-key")),
    ],
)
def test_what_a_duplicate_cannot_be_called_is_refused(
    sqlite_url: str, body: dict[str, Any], problem: tuple[str, str]
) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        _created(client)
        response = client.post("/api/workflows/welcome/duplicate", body)
        assert (response.status_code, problems_of(response)) == (400, [problem])
        assert web.count("workflows") == 1


def test_a_workflow_is_duplicated_by_those_who_may_make_one_of_their_tenant(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        _created(web.client())
        path = "/api/workflows/welcome/duplicate"
        assert web.client(["workflows:read", "workflows:publish"]).post(path).status_code == 403
        assert web.client(scope=OTHER_TENANT).post(path).status_code == 404
        assert web.client(["workflows:write"]).post(path).status_code == 201
        assert web.count("workflows") == 2


def test_lists_are_paged_in_a_stable_order(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        for name in ("d", "b", "a", "e", "c"):
            _created(client, workflow_id=name)
        seen, cursor = [], ""
        while cursor is not None:
            page = client.get(f"/api/workflows?limit=2{cursor and '&cursor=' + cursor}").get_json()
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert seen == ["a", "b", "c", "d", "e"]


def test_a_list_shows_how_the_last_runs_stand_if_asked(database_url: str) -> None:
    with a_web(database_url) as web:
        client, theirs = web.client(), web.client(scope=OTHER_TENANT)
        for each in (client, theirs):
            for workflow_id in ("welcome", "unused"):
                _created(each, workflow_id=workflow_id)
        client.post("/api/workflows/welcome/publish", {})
        sent = [web.harness.send("user/created", {"name": name}) for name in ("a", "b", "c")]
        web.harness.drain()
        unused, welcome = client.get("/api/workflows?last_runs=2").get_json()["items"]
        assert (unused["id"], unused["last_runs"]) == ("unused", [])
        runs = client.get("/api/runs").get_json()["items"]
        assert {run["event_id"] for run in runs} == set(sent)
        assert welcome["last_runs"] == [
            {"id": run["id"], "status": "completed", "created_at": run["created_at"]} for run in runs[:2]
        ]
        assert [each["last_runs"] for each in client.get("/api/workflows").get_json()["items"]] == [[], []]
        assert [each["last_runs"] for each in theirs.get("/api/workflows?last_runs=2").get_json()["items"]] == [[], []]


def test_the_last_runs_of_a_thousand_workflows_can_be_asked_for(database_url: str) -> None:
    with a_web(database_url) as web:
        client = web.client()
        _created(client)
        client.post("/api/workflows/welcome/publish", {})
        web.harness.send("user/created", {"name": "a"})
        web.harness.drain()
        names = [*(f"w{number}" for number in range(999)), "welcome"]
        with web.harness.runtime.database.read() as tx:
            found = queries.last_runs(tx, DEFAULT_SCOPE, names, limit=1)
        assert list(found) == names
        assert [name for name, last in found.items() if last] == ["welcome"]


def test_who_may_not_see_runs_does_not_see_them_in_a_list(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client(["workflows:read"])
        assert client.get("/api/workflows?last_runs=1").status_code == 403
        assert client.get("/api/workflows").status_code == 200
        assert problems_of(client.get("/api/workflows?last_runs=11"))[0][0] == "/query/last_runs"


def test_versions_are_paged_too(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client()
        _created(client)
        for revision in (1, 2, 3):
            client.put(
                "/api/workflows/welcome/draft",
                {"document": a_document(f"v{revision}")},
                headers={"If-Match": f'"{revision}"'},
            )
            client.post("/api/workflows/welcome/publish")
        first = client.get("/api/workflows/welcome/versions?limit=2").get_json()
        rest = client.get(f"/api/workflows/welcome/versions?limit=2&cursor={first['next_cursor']}").get_json()
        assert [item["version"] for item in first["items"] + rest["items"]] == [3, 2, 1]
        assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    "path",
    [
        "/api/workflows/missing",
        "/api/workflows/missing/draft",
        "/api/workflows/missing/versions",
        "/api/workflows/missing/versions/1",
        "/api/workflows/%00",
        "/api/workflows/missing/versions/99999999999999999999999",
    ],
)
def test_what_is_not_there_answers_404(database_url: str, path: str) -> None:
    with a_web(database_url) as web:
        response = web.client().get(path)
        assert (response.status_code, response.get_json()["code"]) == (404, "not-found")
