"""The API describes itself: an OpenAPI 3.1 document for programs, a page for people."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from webapi import a_web

from workflowkit.api.auth import access_of

#: https://spec.openapis.org/oas/3.1/schema/2022-10-07
_OPENAPI_SCHEMA = Path(__file__).parent / "data" / "openapi-3.1.schema.json"


@pytest.fixture(scope="module")
def document(_sqlite_template: Path) -> dict[str, Any]:
    with a_web(f"sqlite:///{_sqlite_template}") as web:
        return web.contract.document


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, operation) for path, item in document["paths"].items() for method, operation in item.items()]


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    schema = json.loads(_OPENAPI_SCHEMA.read_text())
    assert list(jsonschema_rs.Draft202012Validator(schema).iter_errors(document)) == []


def test_every_schema_in_it_is_valid_and_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema_rs.meta.validate(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"})
    references = re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document))
    assert set(references) == set(schemas)


def test_every_parameter_of_a_path_is_described(document: dict[str, Any]) -> None:
    for path, method, operation in _operations(document):
        named = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"]
        assert named == re.findall(r"{(\w+)}", path), (method, path)


def test_every_route_of_the_api_is_in_it(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        documented = {(path, method.upper()) for path, method, _ in _operations(web.contract.document)}
        served = {
            (re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule), method)
            for rule in web.app.url_map.iter_rules()
            if not rule.endpoint.startswith(("docs.", "pages.", "embed.", "oidclogin.", "invitations."))
            for method in (rule.methods or set()) - {"HEAD"}
        }
        assert documented == served


def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    for path, method, operation in _operations(document):
        where = f"{method} {path}"
        assert operation["summary"].endswith("."), where
        assert len(operation["description"]) > 10, where
        assert operation["tags"], where
        assert "security" in operation, where
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], where
    ids = [operation["operationId"] for _, _, operation in _operations(document)]
    assert len(set(ids)) == len(ids)


def test_every_error_is_a_problem_document(document: dict[str, Any]) -> None:
    for path, method, operation in _operations(document):
        errors = {code: answer for code, answer in operation["responses"].items() if code >= "400"}
        assert "default" in errors, (method, path)
        for answer in errors.values():
            schema = answer["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ProblemDocument"}, (method, path)
        if "requestBody" in operation:
            assert operation["requestBody"]["required"] is True
            assert {"400", "413", "415"} <= errors.keys(), (method, path)


def test_every_operation_names_its_permission(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        views = {view.__name__: view for view in web.app.view_functions.values()}
        for path, _, operation in _operations(web.contract.document):
            access = access_of(views[operation["operationId"]])
            if access.permission is None or access.credential == "path":
                assert operation["security"] == [], path
            elif access.credential == "session":
                assert operation["security"] == [{"Session": []}], path
            else:
                assert operation["security"] == [{"ApiKey": [access.permission]}, {"Session": [access.permission]}], (
                    path
                )
                assert access.permission in operation["description"]


def test_every_key_of_every_schema_is_explained(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        for key, value in schema.get("properties", {}).items():
            assert value.get("description"), f"{name}.{key}"


def test_no_schema_is_there_twice(document: dict[str, Any]) -> None:
    names = document["components"]["schemas"].keys()
    assert not [name for name in names if name[-1].isdigit()]


def test_the_document_says_where_the_application_is_mounted(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        http = web.app.test_client()
        mounted = http.get("/api/openapi.json", environ_overrides={"SCRIPT_NAME": "/workflows"}).get_json()
        assert mounted["servers"] == [{"url": "/workflows"}]
        strange = http.get("/api/openapi.json", headers={"Host": "evil.example"})
        assert strange.get_json()["servers"] == [{"url": "/"}]
        assert "evil" not in strange.get_data(as_text=True)


class _Page(HTMLParser):
    """Collects what a page loads, links to and names."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        named = dict(attrs)
        self.ids.extend(filter(None, [named.get("id")]))
        self.links.extend(filter(None, [named.get("href"), named.get("src")]))


def test_the_page_shows_everything_and_needs_no_other_site_and_no_script(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        response = web.app.test_client().get("/api/docs")
        page = _Page(response.get_data(as_text=True))
        for _, _, operation in _operations(web.contract.document):
            assert operation["operationId"] in page.ids
        for name in web.contract.document["components"]["schemas"]:
            assert f"schema-{name}" in page.ids
        assert "`" not in response.get_data(as_text=True)
        assert "script" not in page.tags
        assert "style" not in page.tags
        assert all(link.startswith(("#", "/api/")) for link in page.links)
        assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        style = web.app.test_client().get("/api/docs.css")
        assert style.mimetype == "text/css"
        assert "url(" not in style.get_data(as_text=True)


def test_the_catalogue_of_actions_shows_public_halves_only(sqlite_url: str) -> None:
    with a_web(sqlite_url) as web:
        client = web.client(["actions:read"])
        listed = client.get("/api/actions")
        items = {item["kind"]: item for item in listed.get_json()["items"]}
        assert {"noop", "boom", "if"} <= {kind.removeprefix("builtin:") for kind in items}
        for kind, item in items.items():
            assert client.get(f"/api/actions/{kind}").get_json() == item
        text = listed.get_data(as_text=True)
        for secret in ("<function", "<class", "0x", "handler", "binding", "runtimes", "workflowkit.", ".py"):
            assert secret not in text, secret
        assert client.get("/api/actions/no-such").status_code == 404
