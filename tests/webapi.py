"""The API over a real runtime, and clients that hold every answer against the OpenAPI document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cached_property, lru_cache
from typing import Any

import jsonschema_rs
from apiflask import APIFlask
from flask import Flask
from runtimes import Harness, a_runtime
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from workflowkit.api import create_app
from workflowkit.api.services import Services, services_of
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.runtime.keys import PERMISSIONS

OTHER_TENANT = Scope(DEFAULT_SCOPE.environment, "other")


class Web:
    """An API application, the runtime below it, and a stopwatch that moves when told (for the cache of keys)."""

    def __init__(self, harness: Harness, services: Services) -> None:
        self.harness = harness
        self.services = services
        self.app = _take_app(services)
        harness.at_end.callback(_idle_apps.setdefault(_kind_of(services), []).append, self.app)
        self.contract = Contract(self.app)

    def client(
        self,
        permissions: Iterable[str] = PERMISSIONS,
        *,
        scope: Scope = DEFAULT_SCOPE,
        event_names: Iterable[str] | None = None,
    ) -> Client:
        """Return a client with a new key."""
        _, key = self.services.keys.create(scope, "test", permissions, event_names=event_names)
        return Client(self, key)

    def anonymous(self) -> Client:
        """Return a client without a key."""
        return Client(self, None)

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        (row,) = self.harness.rows(f"SELECT count(*) AS n FROM {table}")
        return int(row["n"])


class Client:
    """Calls the API and checks that each answer is as documented."""

    def __init__(self, web: Web, key: str | None) -> None:
        self.key = key
        self._web = web
        self._http = web.app.test_client()

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.call("POST", path, **_with_body(body, options))

    def put(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.call("PUT", path, **_with_body(body, options))

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self.call("DELETE", path, **options)

    def call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        own = {} if self.key is None else {"Authorization": f"Bearer {self.key}"}
        response = self._http.open(path, method=method, headers=own | (headers or {}), **options)
        self._web.contract.check(method, path, response)
        return response


class Contract:
    """The OpenAPI document of an application as a judge of its answers."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    @cached_property
    def document(self) -> dict[str, Any]:
        return _read(self._text)

    @cached_property
    def _text(self) -> str:
        return self._app.test_client().get("/api/openapi.json").get_data(as_text=True)

    def check(self, method: str, path: str, response: TestResponse) -> None:
        """Assert that an answer has a documented status, type and shape, with no key that is not documented."""
        if method == "HEAD":
            assert response.get_data() == b""
            return
        template = self._template(method, path)
        if response.status_code >= 400:
            assert response.content_type == "application/problem+json", response.get_data(as_text=True)
            self._validate("ProblemDocument", response.get_json())
        elif template is not None:
            operation = self.document["paths"][template][method.lower()]
            content = operation["responses"][str(response.status_code)]["content"]
            assert response.mimetype in content
            if "application/json" in content:
                assert response.content_type == "application/json"
                self._validate(content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1], response.get_json())

    def _template(self, method: str, path: str) -> str | None:
        try:
            rule, _ = self._app.url_map.bind("localhost").match(path.partition("?")[0], method, return_rule=True)
        except HTTPException:
            return None
        template = re.sub(r"<(?:[^<:]+:)?([^>]+)>", r"{\1}", rule.rule)
        return template if template in self.document["paths"] else None

    def _validate(self, schema: str, value: Any) -> None:
        error = next(_validator(self._text, schema).iter_errors(value), None)
        assert error is None, f"{error} in {json.dumps(value)[:2000]}"


# Every test has an application of its own; what their documents say is read once.


@lru_cache
def _read(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    return document


@lru_cache
def _closed(text: str) -> dict[str, Any]:
    schemas: dict[str, Any] = deepcopy(_read(text)["components"]["schemas"])
    for schema in schemas.values():
        if schema.get("type") == "object":
            schema["additionalProperties"] = False
    return schemas


@lru_cache(maxsize=512)
def _validator(text: str, schema: str) -> jsonschema_rs.Draft202012Validator:
    document = {"$ref": f"#/components/schemas/{schema}", "components": {"schemas": _closed(text)}}
    return jsonschema_rs.Draft202012Validator(document, validate_formats=True)


def _with_body(body: Any, options: dict[str, Any]) -> dict[str, Any]:
    return options if body is None else {"data": json.dumps(body), "content_type": "application/json"} | options


@contextmanager
def a_web(database_url: str, *, dev_mode: bool = False, **settings: Any) -> Iterator[Web]:
    """Open the API over a migrated database."""
    with a_runtime(database_url, **settings) as harness:
        yield Web(harness, services_of(harness.runtime, dev_mode=dev_mode))


#: Applications that no test uses now, by what they were made for: making one takes longer than most tests.
_idle_apps: dict[tuple[object, ...], list[APIFlask]] = {}


def _kind_of(services: Services) -> tuple[object, ...]:
    """Return what an application depends on, beside the services that it asks for with each request."""
    return services.limits.request_bytes, services.embed_origins


def _take_app(services: Services) -> APIFlask:
    idle = _idle_apps.get(_kind_of(services))
    if not idle:
        return create_app(services)
    app = idle.pop()
    services.install(app.extensions)
    return app


def a_document(name: str = "Welcome", event: str = "user/created", **changes: Any) -> dict[str, Any]:
    """Return a valid workflow document: one action, started by ``event``."""
    return {
        "name": name,
        "triggers": [{"event": event}],
        "actions": [{"id": "greet", "kind": "noop", "inputs": {"value": "!ref($.event.data.name)"}}],
        "edges": [{"from": "$source", "to": "greet"}],
    } | changes


def problems_of(response: TestResponse) -> list[tuple[str, str]]:
    """Return the (pointer, code) of the problems in an error."""
    return [(problem["pointer"], problem["code"]) for problem in response.get_json()["problems"]]
