"""What an output declares, and whether a path can lead to something in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workflowkit.base.errors import DefinitionError
from workflowkit.base.jsonvalue import dumps
from workflowkit.base.limits import Limits
from workflowkit.definition.jsonpath import Key
from workflowkit.definition.schema import Schema
from workflowkit.definition.writtenschema import WrittenSchema

#: Schemas looked into at most for one path: schemas may refer to themselves. Past it the answer is yes.
_MAX_LOOKS = 200
#: In the schema of a member of an output: the input that holds the schema of what stands there.
SCHEMA_FROM = "x-schema-from"


def with_own_schemas(outputs: Schema, inputs: Mapping[str, Any], limits: Limits) -> Schema:
    """Return what the output of one step declares: with the schemas that its inputs hold for members of it.

    Where they hold none that tells more, ``outputs`` itself is returned.
    """
    members = outputs.get("properties") if isinstance(outputs, Mapping) else None
    if not isinstance(outputs, Mapping) or not isinstance(members, Mapping):
        return outputs
    own = {
        name: {"anyOf": [held, {"type": "null"}]}
        for name, declared in members.items()
        if isinstance(declared, Mapping) and (held := inputs.get(declared.get(SCHEMA_FROM, ""))) is not None
        if _can_be_told(held, limits)
    }
    return {**outputs, "properties": {**members, **own}} if own else outputs


def _can_be_told(held: Any, limits: Limits) -> bool:
    # A reference in it would lead into the wrong schema.
    if not isinstance(held, dict) or '"$ref"' in dumps(held):
        return False
    try:
        WrittenSchema(held, limits)
    except DefinitionError:
        return False
    return True


def may_lead(schema: Schema, keys: Sequence[Key]) -> bool:
    """Return whether ``keys`` lead to something that ``schema`` declares; yes when it does not say.

    Stricter than validation, which lets unknown members pass: a member that is not among the declared ones is a mistake
    more often than not, and the answer is used for a warning.
    """
    return _Search(schema).leads(schema, tuple(keys))


def resolve_reference(root: Any, reference: str) -> Any:
    """Return the schema within ``root`` that a ``$ref`` names; ``True``, which says nothing, if it cannot be found."""
    found: Any = root
    if not reference.startswith("#"):
        return True
    for token in reference[1:].split("/")[1:]:
        found = found.get(token.replace("~1", "/").replace("~0", "~"), True) if isinstance(found, Mapping) else True
    return found


class _Search:
    def __init__(self, root: Schema) -> None:
        self._root = root
        self._looks = 0

    def leads(self, schema: Any, keys: tuple[Key, ...]) -> bool:
        self._looks += 1
        if not keys or self._looks > _MAX_LOOKS or not isinstance(schema, Mapping):
            return schema is not False
        alternatives = list(self._alternatives(schema))
        if self._says_nothing(schema):
            return not alternatives or any(self.leads(each, keys) for each in alternatives)
        return self._own(schema, keys) or any(self.leads(each, keys) for each in alternatives)

    def _alternatives(self, schema: Mapping[str, Any]) -> Iterator[Any]:
        for combination in ("allOf", "anyOf", "oneOf"):
            yield from schema.get(combination, ())
        if isinstance(reference := schema.get("$ref"), str):
            yield resolve_reference(self._root, reference)

    @staticmethod
    def _says_nothing(schema: Mapping[str, Any]) -> bool:
        return not {"type", "properties", "items", "prefixItems"} & schema.keys()

    def _own(self, schema: Mapping[str, Any], keys: tuple[Key, ...]) -> bool:
        key, rest = keys[0], keys[1:]
        types = schema.get("type", ("object", "array"))
        types = (types,) if isinstance(types, str) else types
        is_index = isinstance(key, int) or key.isdecimal()
        if is_index and "array" in types and self._in_list(schema, int(key), rest):
            return True
        return isinstance(key, str) and "object" in types and self._in_object(schema, key, rest)

    def _in_list(self, schema: Mapping[str, Any], index: int, rest: tuple[Key, ...]) -> bool:
        first = schema.get("prefixItems", ())
        return self.leads(first[index] if 0 <= index < len(first) else schema.get("items", True), rest)

    def _in_object(self, schema: Mapping[str, Any], name: str, rest: tuple[Key, ...]) -> bool:
        declared = schema.get("properties", {})
        if name in declared:
            return self.leads(declared[name], rest)
        others = schema.get("additionalProperties", True)
        if isinstance(others, Mapping):
            return self.leads(others, rest)
        return "patternProperties" in schema or (others is not False and not declared)
