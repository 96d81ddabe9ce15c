"""The schemas inside of a JSON Schema: which leads to which, and what each of them costs by itself.

What they cost together is ``definition.schemacost``.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from workflowkit.base.errors import DefinitionError, LimitExceeded, Problem
from workflowkit.base.jsonvalue import pointer_to
from workflowkit.base.limits import Limits
from workflowkit.definition.jsvalues import Json

#: How much a compiled pattern may take, and what 16 characters cost with one of that size.
MAX_PATTERN_BYTES = 512 * 1024
_MAX_PATTERN_CHARS = 2_000
_PATTERN_WEIGHTS = ((64 * 1024, 50), (256 * 1024, 1_000), (MAX_PATTERN_BYTES, 6_000))

_ONE = ("not", "if", "then", "else")
_SEVERAL = ("allOf", "anyOf", "oneOf")
_OF_MEMBERS = ("additionalProperties", "propertyNames", "unevaluatedProperties")
_OF_ELEMENTS = ("contains", "unevaluatedItems", "additionalItems")
_SHELVES = ("$defs", "definitions")
_UNEVALUATED = frozenset({"unevaluatedProperties", "unevaluatedItems"})
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_ANCHORS = ("$anchor", "$dynamicAnchor")
#: With ``unevaluated...`` what stands beside it is looked at again, to see what it has looked at.
_LOOKS_WITH_UNEVALUATED = 3

_Path = tuple[str | int, ...]
#: Schemas by their numbers, and how often each counts.
Parts = Counter[int]


@dataclass(slots=True)
class SchemaNode:
    """One schema. Others are named by their numbers: those for the same value, for its members, for its elements.

    ``members`` are for any name; of ``named`` each takes the place of ``additionalProperties`` for its name, which is
    why that is subtracted there. ``elements`` and ``indexed`` are the same for lists.
    """

    path: _Path
    weight: int = 1
    errors: int = 1
    same: Parts = field(default_factory=Counter)
    members: Parts = field(default_factory=Counter)
    named: dict[str | int, Parts] = field(default_factory=dict)
    elements: Parts = field(default_factory=Counter)
    indexed: dict[str | int, Parts] = field(default_factory=dict)
    looks_back: bool = False

    @property
    def only_refers(self) -> bool:
        """Whether all it says of the places inside is what one other schema says."""
        inside = self.members or self.named or self.elements or self.indexed
        return not inside and [*self.same.values()] == [1]


class SchemaReader:
    """Finds all schemas inside of a schema, and which leads to which. The whole one has the number 0.

    What is not as JSON Schema has it is passed over: compiling refuses that.
    """

    def __init__(self, schema: Json, limits: Limits) -> None:
        self.nodes: list[SchemaNode] = []
        self._schema = schema
        self._limits = limits
        self._numbers: dict[_Path, int] = {}
        self._anchors: dict[str, list[int]] = {}
        self._references: deque[tuple[int, str, Json]] = deque()
        self._patterns = 0
        self._hashed: int | None = None
        identity = schema.get("$id") if isinstance(schema, Mapping) else None
        self._prefix = identity.rstrip("#") if isinstance(identity, str) else ""
        self._read(schema, ())
        while self._references:
            number, keyword, reference = self._references.popleft()
            for target in self._targets(number, keyword, reference):
                self.nodes[number].same[target] += self._looks(number)

    def _looks(self, number: int) -> int:
        return _LOOKS_WITH_UNEVALUATED if self.nodes[number].looks_back else 1

    def _node(self, path: _Path, weight: int = 1) -> int:
        self.nodes.append(SchemaNode(path, weight))
        if len(self.nodes) > 2 * self._limits.schema_nodes or len(self._numbers) >= self._limits.schema_nodes:
            raise exceeded((), "schema_nodes", self._limits.schema_nodes)
        return len(self.nodes) - 1

    def _read(self, schema: Json, path: _Path) -> int:
        """Read a schema and those inside; return its number. They are no deeper than JSON may be."""
        number = self._numbers[path] = self._node(path)
        if not isinstance(schema, Mapping):
            return number
        node = self.nodes[number]
        node.weight, node.errors = self._own(schema, path), _errors(schema)
        node.looks_back = not _UNEVALUATED.isdisjoint(schema)
        if path and isinstance(schema.get("$id"), str):
            raise refused((*path, "$id"), "only the whole schema may have an $id")
        for keyword in _ANCHORS:
            if isinstance(name := schema.get(keyword), str):
                self._anchors.setdefault(name, []).append(number)
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            if keyword in schema:
                self._references.append((number, keyword, schema[keyword]))
        for inner in self._inner(
            schema, path, (*_ONE, "contentSchema"), _SEVERAL, ("dependentSchemas", "dependencies")
        ):
            node.same[inner] += self._looks(number)
        if schema.get("uniqueItems") is True:
            node.same[self._all_inside()] += 1
        self._read_members(node, schema, path)
        self._read_elements(node, schema, path)
        for _ in self._inner(schema, path, (), (), _SHELVES):
            pass
        return number

    def _inner(
        self, schema: Mapping[str, Any], path: _Path, one: Iterable[str], several: Iterable[str], named: Iterable[str]
    ) -> Iterator[int]:
        for keyword in one:
            if _is_schema(inner := schema.get(keyword)):
                yield self._read(inner, (*path, keyword))
        for keyword in several:
            if isinstance(listed := schema.get(keyword), list | tuple):
                for index, inner in enumerate(listed):
                    yield self._read(inner, (*path, keyword, index))
        for keyword in named:
            if isinstance(known := schema.get(keyword), Mapping):
                for name, inner in known.items():
                    if _is_schema(inner):  # ``dependencies`` may be lists of names
                        yield self._read(inner, (*path, keyword, name))

    def _read_members(self, node: SchemaNode, schema: Mapping[str, Any], path: _Path) -> None:
        for inner in self._inner(schema, path, _OF_MEMBERS, (), ("patternProperties",)):
            node.members[inner] += 1
        patterns = schema.get("patternProperties")
        for pattern in patterns if isinstance(patterns, Mapping) else ():
            weight = self._pattern_weight(pattern, (*path, "patternProperties", str(pattern)))
            node.members[self._node(path, weight)] += 1
        others = self._numbers.get((*path, "additionalProperties"))
        if isinstance(declared := schema.get("properties"), Mapping):
            for name, inner in declared.items():
                number = self._read(inner, (*path, "properties", name))
                node.named[name] = Counter({number: 1})
                if others is not None:
                    node.named[name][others] -= 1

    def _read_elements(self, node: SchemaNode, schema: Mapping[str, Any], path: _Path) -> None:
        items = schema.get("items")
        if not isinstance(items, list | tuple):
            for inner in self._inner(schema, path, ("items",), (), ()):
                node.elements[inner] += 1
        for inner in self._inner(schema, path, _OF_ELEMENTS, (), ()):
            node.elements[inner] += 1
        if "contains" in schema and node.looks_back:
            node.elements[self._numbers[(*path, "contains")]] += _LOOKS_WITH_UNEVALUATED - 1
        others = self._numbers.get((*path, "items"))
        for keyword in ("prefixItems", "items"):
            if isinstance(listed := schema.get(keyword), list | tuple):
                for index, inner in enumerate(listed):
                    at_index = node.indexed.setdefault(index, Counter())
                    at_index[self._read(inner, (*path, keyword, index))] += 1
                    if others is not None and keyword == "prefixItems":
                        at_index[others] -= 1

    def _all_inside(self) -> int:
        """Return the number of what looks at all there is inside of a value: elements that are to differ."""
        if self._hashed is None:
            number = self._hashed = self._node((), weight=10)
            self.nodes[number].members[number] = self.nodes[number].elements[number] = 1
        return self._hashed

    def _own(self, schema: Mapping[str, Any], path: _Path) -> int:
        """Return what a schema's own keywords cost, as measured."""
        weight = 1 + len(schema) + _errors(schema)
        weight += sum(50 if isinstance(schema[keyword], int) else 200 for keyword in _BOUNDS if keyword in schema)
        weight += 100 * ("format" in schema)
        if "const" in schema:
            weight += _compared([schema["const"]])
        if isinstance(options := schema.get("enum"), list | tuple):
            kinds = {type(option) for option in options}
            weight += 1 if kinds in ({str}, {int}) else _compared(options)
        if isinstance(factor := schema.get("multipleOf"), int | float):
            weight += 20 if isinstance(factor, int) else 3_000  # of the largest numbers all digits are computed
        if isinstance(pattern := schema.get("pattern"), str):
            weight += self._pattern_weight(pattern, (*path, "pattern"))
        return weight

    def _pattern_weight(self, pattern: str, path: _Path) -> int:
        """Return what 16 characters may cost that are held against a pattern: the larger it is, compiled, the more."""
        import jsonschema_rs

        self._patterns += 1
        if self._patterns > self._limits.schema_patterns:
            raise exceeded(path, "schema_patterns", self._limits.schema_patterns)
        if len(pattern) > _MAX_PATTERN_CHARS:
            raise refused(path, f"a pattern has at most {_MAX_PATTERN_CHARS} characters")
        for size, weight in _PATTERN_WEIGHTS:
            try:
                jsonschema_rs.Draft202012Validator(
                    {"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions(size_limit=size)
                )
            except (jsonschema_rs.ValidationError, ValueError):
                continue
            return weight
        raise refused(
            path, f"the pattern {pattern[:80]} is none, or too large: {MAX_PATTERN_BYTES} bytes when compiled"
        )

    # --- references

    def _targets(self, number: int, keyword: str, reference: Json) -> list[int]:
        where = (*self.nodes[number].path, keyword)
        text = reference if isinstance(reference, str) else ""
        if self._prefix and text.startswith(self._prefix):
            text = text.removeprefix(self._prefix) or "#"
        fragment = unquote(text.removeprefix("#"))
        if text[:1] != "#":
            raise refused(
                where, f"a schema may only refer to itself, by # and a place in it, not to {str(reference)[:80]}"
            )
        if not fragment:
            return [0]
        if not fragment.startswith("/"):
            if fragment not in self._anchors:
                raise refused(where, f"there is no anchor {fragment[:80]}")
            return self._anchors[fragment]
        return [self._at(fragment, where)]

    def _at(self, fragment: str, where: _Path) -> int:
        """Return the number of the schema at a JSON pointer, which may be where no keyword of JSON Schema has one."""
        found = self._schema
        path: list[str | int] = []
        for token in fragment.split("/")[1:]:
            token = token.replace("~1", "/").replace("~0", "~")
            if isinstance(found, Mapping) and token in found:
                found = found[token]
                path.append(token)
            elif isinstance(found, list | tuple) and token.isdecimal() and int(token) < len(found):
                found = found[int(token)]
                path.append(int(token))
            else:
                raise refused(where, f"there is nothing at {fragment[:80]}")
            if isinstance(found, Mapping) and isinstance(found.get("$id"), str):
                raise refused(where, "only the whole schema may have an $id")
        known = self._numbers.get(tuple(path))
        return self._read(found, tuple(path)) if known is None else known


def _is_schema(value: Json) -> bool:
    return isinstance(value, Mapping | bool)


def _errors(schema: Mapping[str, Any]) -> int:
    """Return how many errors a schema's own keywords can make of one value: each name that is missing is one."""
    options = schema.get("enum")
    count = max(1, len(schema)) + _length(schema.get("required")) + _length(options) // 4
    if isinstance(options, list | tuple) or "const" in schema:
        count += _compared([*(options or ()), schema.get("const")]) // 25
    for keyword in ("dependentRequired", "dependentSchemas", "dependencies"):
        if isinstance(known := schema.get(keyword), Mapping):
            count += sum(1 + _length(names) for names in known.values())
    return count


def _length(names: Json) -> int:
    return len(names) if isinstance(names, list | tuple) else 0


def _compared(options: Iterable[Json]) -> int:
    """Return what it costs to compare a value with all of these: numbers with fractions are the dear ones."""
    weight, left = 0, list(options)
    while left:
        option = left.pop()
        if isinstance(option, Mapping):
            weight += 25
            left += option.values()
        elif isinstance(option, list | tuple):
            weight += 25
            left += option
        else:
            weight += 150 if isinstance(option, float) else 1 if option is None or isinstance(option, str) else 15
    return weight


def exceeded(path: Iterable[str | int], limit: str, most: int) -> DefinitionError:
    """Return the refusal of a schema that goes beyond a limit at a place."""
    error = LimitExceeded(limit, most)
    return DefinitionError(
        [Problem(pointer_to(path), error.code, f"this JSON Schema asks for too much: {error.message}")]
    )


def refused(path: Iterable[str | int], message: str) -> DefinitionError:
    """Return the refusal of a schema for what it says at a place."""
    return DefinitionError([Problem(pointer_to(path), "invalid-schema", f"this JSON Schema cannot be used: {message}")])
