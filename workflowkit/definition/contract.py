"""What an action accepts, read once from the JSON Schema of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from workflowkit.base.jsonvalue import canonical, loads
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.schema import compile_schema

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

#: The ``format`` of an input that holds a JSON Logic rule: it is evaluated, and the handler gets its value.
LOGIC_FORMAT = "json-logic"
#: What the ``format`` of an input begins with that holds a CEL expression; the variables it may read follow, as in
#: ``cel:event,async``. Such inputs are checked when a document is validated, and reach the handler as they are.
EXPRESSION_FORMAT = "cel:"
#: The ``format`` of an input that holds a JSON Schema.
SCHEMA_FORMAT = "json-schema"
#: Marks an input that a document may leave out, but not fill with nothing. A reference may come out empty: what that
#: means is the action's business.
NOT_EMPTY = "x-not-empty"
#: One of these is in the canonical text of a schema that has places for secrets (``definition.secrets``).
_SECRET_MARKS = (b'"writeOnly":true', b'"format":"password"')


@dataclass(frozen=True, slots=True)
class InputContract:
    """One action's inputs.

    ``written`` checks what a document says, ``resolved`` what the handler would get: there, rules have become values.
    ``logic`` are the inputs that hold a rule, ``expressions`` those that hold a CEL expression, with its variables, and
    ``nullable`` those that may be null. ``not_empty`` are those where a document must not write nothing, ``schemas``
    those that hold a JSON Schema. ``is_open`` says whether other inputs than the declared are passed on,
    ``welcomes_any`` whether they are expected too. ``has_secrets`` says whether ``schema`` has places for secrets.
    """

    schema: Mapping[str, Any]
    has_secrets: bool
    properties: Mapping[str, Any]
    required: frozenset[str]
    defaults: Mapping[str, Json]
    nullable: frozenset[str]
    not_empty: frozenset[str]
    schemas: frozenset[str]
    logic: frozenset[str]
    expressions: Mapping[str, frozenset[str]]
    is_open: bool
    welcomes_any: bool
    written: Draft202012Validator
    resolved: Draft202012Validator


def contract_of(schema: Mapping[str, Any]) -> InputContract:
    """Return the contract of an action's ``inputs`` schema; equal schemas share one."""
    return _contract(canonical(dict(schema)))


@lru_cache(maxsize=1024)
def _contract(schema_json: bytes) -> InputContract:
    schema: dict[str, Any] = loads(schema_json)
    properties = {name: _as_object(declared) for name, declared in schema.get("properties", {}).items()}
    logic = frozenset(name for name, declared in properties.items() if declared.get("format") == LOGIC_FORMAT)
    # Unknown inputs are a warning when the document is checked and left out when it runs, never a failure.
    is_open = schema.get("additionalProperties", True) is not False
    checked = schema if is_open else {key: value for key, value in schema.items() if key != "additionalProperties"}
    resolved = {**checked, "properties": {name: name in logic or declared for name, declared in properties.items()}}
    return InputContract(
        schema=schema,
        has_secrets=any(mark in schema_json for mark in _SECRET_MARKS),
        properties=properties,
        required=frozenset(schema.get("required", ())),
        defaults={name: declared["default"] for name, declared in properties.items() if "default" in declared},
        nullable=_nullable({**checked, "required": []}, properties),
        not_empty=frozenset(name for name, declared in properties.items() if declared.get(NOT_EMPTY) is True),
        schemas=frozenset(name for name, declared in properties.items() if declared.get("format") == SCHEMA_FORMAT),
        logic=logic,
        expressions=_expressions(properties),
        is_open=is_open,
        welcomes_any=is_open and ("additionalProperties" in schema or not properties),
        written=compile_schema(checked),
        resolved=compile_schema(resolved),
    )


def _expressions(properties: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    formats = {name: str(declared.get("format")) for name, declared in properties.items()}
    return {
        name: frozenset(text.removeprefix(EXPRESSION_FORMAT).split(","))
        for name, text in formats.items()
        if text.startswith(EXPRESSION_FORMAT)
    }


def _as_object(declared: Any) -> dict[str, Any]:
    return declared if isinstance(declared, dict) else {} if declared else {"not": {}}


def _nullable(schema: dict[str, Any], properties: Mapping[str, Any]) -> frozenset[str]:
    """Return the inputs that may be null, by trying: a property's schema may be a ``$ref`` or a combination."""
    validator = compile_schema(schema)
    everything_null: dict[str, Json] = dict.fromkeys(properties)
    refused = {error.instance_path[0] for error in validator.iter_errors(everything_null) if error.instance_path}
    return frozenset(properties) - refused
