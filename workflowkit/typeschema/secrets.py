"""Keep secrets out of schemas, which are public: a default such as a test key would travel to every browser."""

from __future__ import annotations

import re
from typing import Any

from workflowkit.typeschema.shape import Schema, as_secret

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passwd|passphrase|secret|token|api_?key|private_?key|credentials?)(?:$|_)"
)
_SUBSCHEMAS = ("items", "additionalProperties", "anyOf", "oneOf", "allOf", "prefixItems")


def hide_secrets(schema: Schema) -> Schema:
    """Return an inferred schema in which text fields with telling names are secret fields.

    Secret fields have no default and no examples; neither has anything that a secret field is part of.
    """
    return _hide(schema)[0]


def _hide(schema: Schema) -> tuple[Schema, bool]:
    result, holds_secret = dict(schema), bool(schema.get("writeOnly"))
    if "properties" in schema:
        result["properties"] = {}
        for name, member in schema["properties"].items():
            shown, is_secret = _hide(member)
            if not is_secret and _is_text(shown) and _sounds_secret(name):
                shown, is_secret = as_secret(shown), True
            result["properties"][name] = shown
            holds_secret |= is_secret
    for keyword in _SUBSCHEMAS:
        if isinstance(schema.get(keyword), dict | list):
            result[keyword], is_secret = _hide_each(schema[keyword])
            holds_secret |= is_secret
    if holds_secret:
        result = {key: value for key, value in result.items() if key not in ("default", "examples")}
    return result, holds_secret


def _hide_each(schemas: Any) -> tuple[Any, bool]:
    if isinstance(schemas, dict):
        return _hide(schemas)
    pairs = [_hide(schema) for schema in schemas]
    return [schema for schema, _ in pairs], any(is_secret for _, is_secret in pairs)


def _sounds_secret(name: str) -> bool:
    return _SECRET_NAME.search(_WORD_START.sub("_", name).lower()) is not None


def _is_text(schema: Schema) -> bool:
    kind = schema.get("type")
    if kind is None:
        return any(_is_text(member) for member in schema.get("anyOf", ()))
    return "string" in kind if isinstance(kind, list) else kind == "string"
