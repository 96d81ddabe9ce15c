"""The published schemas: good JSON Schema, closed to the network, and true of what this package says and serves."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
import referencing
from builders import a_workflow

from workflowkit.assets import asset_dir
from workflowkit.definition.model import SOURCE
from workflowkit.definition.schema import compile_schema
from workflowkit.registry import Registry, load_builtin_actions

NAMES = ("workflow", "action", "event")
GOOD = a_workflow().chain("a").trigger("x/y", "event.data.z").document()


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((asset_dir("schemas") / f"{name}.schema.json").read_text())
    return loaded


@pytest.mark.parametrize("name", NAMES)
def test_each_schema_is_draft_2020_12_with_an_id_of_its_own(name: str) -> None:
    loaded = schema(name)
    jsonschema.Draft202012Validator.check_schema(loaded)
    jsonschema_rs.meta.validate(loaded)
    assert loaded["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert loaded["$id"] == f"urn:workflowkit:schema:{name}:1"


def closed(part: Any, place: str = "") -> list[str]:
    """Return the places of the objects that may have no keys but those that are named."""
    found = [place] if isinstance(part, dict) and part.get("additionalProperties") is False else []
    for key, inner in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        found += closed(inner, f"{place}/{key}")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_unknown_keys_are_allowed_everywhere_but_in_the_rules_of_the_settings(name: str) -> None:
    rules = ["throttle", "rate_limit", "debounce", "batch", "singleton", "timeouts", "priority/anyOf/1"]
    places = [f"/$defs/workflow_settings/properties/{rule}" for rule in [*rules, "idempotency/anyOf/1"]]
    places += ["/$defs/cancel_rule", "/$defs/concurrency"]
    assert sorted(closed(schema(name))) == (sorted(places) if name == "workflow" else [])


def undescribed(part: Any, definitions: dict[str, Any], place: str = "") -> list[str]:
    """Return the places of properties about which the schema tells a reader nothing."""
    found = []
    for key, inner in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        if key == "properties":
            for name, declared in inner.items():
                target = definitions.get(str(declared.get("$ref")).removeprefix("#/$defs/"), {})
                is_narrowing = place.endswith(("/if", "/then"))
                if "description" not in declared | target and not is_narrowing:
                    found.append(f"{place}/{name}")
        found += undescribed(inner, definitions, f"{place}/{key}")
    return found


def test_an_editor_finds_a_description_of_every_key_of_a_workflow() -> None:
    loaded = schema("workflow")
    assert undescribed(loaded, loaded["$defs"]) == []


@pytest.mark.parametrize(
    "document",
    [
        GOOD,
        GOOD | {"triggers": [{}, {"event": "a", "cron": "b"}, {"http": {"wait": "10d"}}, {"webhook": "A"}, 5]},
        GOOD | {"actions": [{"id": "a", "kind": "builtin:for_each"}, {"id": "b", "kind": "c", "body": 5}]},
        GOOD | {"actions": [{"id": "a", "kind": "builtin:for_each", "body": {"actions": [{}], "edges": [5]}}]},
        GOOD | {"settings": {"on_failure": {}, "batch": {"max_size": 1}, "concurrency": [{}], "idempotency": 5}},
        GOOD | {"settings": {"on_cancel": {"workflow": "w", "actions": [], "edges": []}, "timeouts": {"start": "x"}}},
        GOOD | {"actions": [{"id": "a", "kind": "b", "settings": {"backoff": "x", "cache": {}, "compensate": 5}}]},
        {},
        {"actions": [], "edges": []},
        GOOD | {"name": 1},
        GOOD | {"trigger": {"event": ""}},
        GOOD | {"actions": [{"id": "a", "kind": "b", "settings": {"retries": 21, "timeout": "soon", "join": {}}}]},
        GOOD | {"actions": [{"id": "a", "kind": "b", "settings": {"timeout": "0.5s", "join": {"n_of": 2}}}]},
        GOOD | {"actions": [{"id": "a", "kind": "b", "settings": {"timeout": "0.0s", "on_error": "x"}}]},
        GOOD | {"edges": [{"from": SOURCE, "to": "a", "conditional": {"type": "if"}}]},
        GOOD | {"edges": [{"from": SOURCE, "to": "a", "conditional": {"type": "error"}}]},
        GOOD | {"edges": [{"from": SOURCE, "to": "a", "conditional": None}]},
    ],
)
def test_two_validators_find_the_same_places(document: dict[str, Any]) -> None:
    ours = {tuple(error.instance_path) for error in compile_schema(schema("workflow")).iter_errors(document)}
    oracle = jsonschema.Draft202012Validator(schema("workflow"), registry=referencing.Registry())
    assert ours == {tuple(error.absolute_path) for error in oracle.iter_errors(document)}


def test_what_the_built_in_actions_publish_fits_the_schema_of_actions() -> None:
    registry = Registry()
    load_builtin_actions(registry)
    validator = compile_schema(schema("action"))
    published = registry.public()
    assert published
    assert [list(validator.iter_errors(action)) for action in published] == [[]] * len(published)


@pytest.mark.parametrize(
    ("event", "is_valid"),
    [
        ({"name": "a", "data": {}}, True),
        ({"id": "1", "name": "a", "data": {"x": 1}, "ts": 1, "v": "1", "user": {}, "more": 1}, True),
        ({"data": {}}, False),
        ({"name": ""}, False),
        ({"name": "a", "data": []}, False),
        ({"name": "a", "ts": "today"}, False),
    ],
)
def test_an_event_has_a_name_and_data_that_is_an_object(event: dict[str, Any], is_valid: bool) -> None:
    assert compile_schema(schema("event")).is_valid(event) is is_valid
