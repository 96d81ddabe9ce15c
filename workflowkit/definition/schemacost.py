"""What holding a value against a JSON Schema can cost: for schemas that people write whom nobody knows (S24).

A schema of a few lines can ask for work without end: ``allOf`` of two references to a schema that does the same, thirty
levels deep, is a billion checks of one value. So two things are computed before such a schema is used. Its *weight* is
what one place of a value may cost, for each level of the value: a place is checked by every schema that leads to it.
With the number of places on each level that gives what a value may cost, before anybody begins to look.

The unit is one check of one keyword, about 10 ns. Members of an object with different names are different places, so
that forms with many fields are cheap, and so are schemas that refer to themselves along a tree.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import mul
from typing import Any
from urllib.parse import unquote

from workflowkit.base.errors import DefinitionError, LimitExceeded, Problem
from workflowkit.base.jsonvalue import pointer_to
from workflowkit.base.limits import Limits
from workflowkit.definition.jsvalues import CHARS_PER_VALUE, Json

#: Levels of a value for which the weight is held against its limit when a schema is published. What a deeper value
#: costs is known once there is one: a schema that refers to itself twice is dear for deep values only.
_LEVELS_PUBLISHED = 6
#: Levels of a value that are looked at: more than JSON from outside has.
_MOST_LEVELS = 128
#: How many parts the schemas for one place may have together, over all places. Beyond it the weight is not computed.
_MOST_PARTS = 50_000
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
_Parts = Counter[int]


@dataclass(slots=True)
class _Node:
    """One schema. Others are named by their numbers: those for the same value, for its members, for its elements.

    ``members`` are for any name; of ``named`` each takes the place of ``additionalProperties`` for its name, which is
    why that is subtracted there. ``elements`` and ``indexed`` are the same for lists.
    """

    path: _Path
    weight: int = 1
    errors: int = 1
    same: _Parts = field(default_factory=Counter)
    members: _Parts = field(default_factory=Counter)
    named: dict[str | int, _Parts] = field(default_factory=dict)
    elements: _Parts = field(default_factory=Counter)
    indexed: dict[str | int, _Parts] = field(default_factory=dict)
    looks_back: bool = False

    @property
    def only_refers(self) -> bool:
        """Whether all it says of the places inside is what one other schema says."""
        inside = self.members or self.named or self.elements or self.indexed
        return not inside and [*self.same.values()] == [1]


@dataclass(slots=True)
class _Place:
    """What checks one place: the weights of all schemas for it, and what they say of the places inside."""

    weight: int = 0
    errors: int = 0
    again: int = 0
    groups: list[tuple[_Parts, dict[str | int, _Parts]]] = field(
        default_factory=lambda: [(Counter(), {}), (Counter(), {})]
    )

    def look_inside(self, node: _Node, times: int) -> int:
        """Add what a schema says of the places inside; return how much that is."""
        inside = ((node.members, node.named), (node.elements, node.indexed))
        for (everywhere, here), (parts, special) in zip(self.groups, inside, strict=True):
            _add(everywhere, parts, times)
            for name, own in special.items():
                _add(here.setdefault(name, Counter()), own, times)
        return sum(len(parts) + sum(map(len, special.values())) for parts, special in inside)


class SchemaCost:
    """What a schema can cost. Raises ``DefinitionError``, whose pointers lead into the schema, if it is too much."""

    def __init__(self, schema: Json, limits: Limits) -> None:
        self._limits = limits
        nodes = _Reader(schema, limits).nodes
        self._places = _places(nodes, limits)
        self._levels = (
            [{number: place.weight for number, place in self._places.items()}],
            [{number: place.errors for number, place in self._places.items()}],
        )
        if max(self._most(_LEVELS_PUBLISHED)[0]) > limits.schema_weight:
            raise _exceeded((), "schema_weight", limits.schema_weight)

    def check(self, sizes: list[int]) -> None:
        """Raise ``LimitExceeded`` if a value with so many places on each level could cost too much."""
        if len(sizes) > _MOST_LEVELS:
            raise LimitExceeded("json_depth", self._limits.json_depth, len(sizes))
        weights, _ = self._most(len(sizes))
        if sum(map(mul, weights, sizes)) > self._limits.schema_checks:
            raise LimitExceeded("schema_checks", self._limits.schema_checks)

    def told(self, sizes: list[int]) -> int:
        """Return how many microseconds it may take to tell everything that is wrong with a value.

        An error has the value that it is about: on each level all that is below counts as well.
        """
        total, inside = 0, sum(sizes)
        for errors, size in zip(self._most(len(sizes))[1], sizes, strict=True):
            total += errors * (20 * size + inside // 8)
            inside -= size
        return total

    def _most(self, levels: int) -> tuple[list[int], list[int]]:
        """Return what a place costs at most, and how many errors it can make, on so many levels of the value."""
        weights, errors = self._levels
        if len(weights) < levels:
            weights, errors = [*weights], [*errors]  # other threads may be reading
            while len(weights) < levels:
                weights.append(self._inside(weights[-1], is_first=len(weights) == 1))
                errors.append(self._inside(errors[-1]))
            self._levels = (weights, errors)
        return [each[0] for each in weights[:levels]], [each[0] for each in errors[:levels]]

    def _inside(self, known: Mapping[int, int], *, is_first: bool = False) -> dict[int, int]:
        """Return the same of all schemas one level further inside."""
        found: dict[int, int] = {}
        shared: dict[int, int] = {}
        for number, place in self._places.items():
            key = id(place.groups)
            if key not in shared:
                shared[key] = max(_dearest(everywhere, here, known) for everywhere, here in place.groups)
            found[number] = shared[key] + (place.again if is_first else 0)
        return found


def sizes_of(value: Json) -> list[int]:
    """Return how many places a value has on each of its levels; keys are places too, long texts count for several."""
    sizes: list[int] = []
    level, keys = [value], 0
    while level:
        inner: list[Json] = []
        size, inner_keys = keys, 0
        for each in level:
            size += 1
            if isinstance(each, dict):
                inner += each.values()
                inner_keys += len(each) + sum(map(len, each)) // CHARS_PER_VALUE
            elif isinstance(each, list):
                inner += each
            elif isinstance(each, str):
                size += len(each) // CHARS_PER_VALUE
        sizes.append(size)
        level, keys = inner, inner_keys
    return sizes


def _dearest(everywhere: _Parts, here: Mapping[str | int, _Parts], known: Mapping[int, int]) -> int:
    """Return what one member, or one element, costs at most."""
    more = max((_total(parts, known) for parts in here.values()), default=0)
    return _total(everywhere, known) + max(more, 0)


def _total(parts: Mapping[int, int], known: Mapping[int, int]) -> int:
    return sum(count * known[number] for number, count in parts.items())


def _exceeded(path: Iterable[str | int], limit: str, most: int) -> DefinitionError:
    error = LimitExceeded(limit, most)
    return DefinitionError(
        [Problem(pointer_to(path), error.code, f"this JSON Schema asks for too much: {error.message}")]
    )


def _refused(path: Iterable[str | int], message: str) -> DefinitionError:
    return DefinitionError([Problem(pointer_to(path), "invalid-schema", f"this JSON Schema cannot be used: {message}")])


# --- what a place costs, from what its schemas say


def _places(nodes: list[_Node], limits: Limits) -> dict[int, _Place]:
    """Gather for each schema all those that check the same place with it."""
    gathered: dict[int, _Parts] = {}
    places: dict[int, _Place] = {}
    parts = 0
    for number in _innermost_first(nodes):
        node = nodes[number]
        together = gathered[number] = Counter({number: 1})
        for other, count in node.same.items():
            _add(together, gathered[other], count)
        place = places[number] = _Place()
        parts += len(together)
        for other, count in together.items():
            place.weight += count * nodes[other].weight
            place.errors += count * nodes[other].errors
            if not node.only_refers:
                parts += place.look_inside(nodes[other], count)
        if node.only_refers:  # very many do, and say nothing else of the places inside
            place.groups = places[next(iter(node.same))].groups
        if node.looks_back:
            place.again = place.weight
        if place.weight > limits.schema_weight or parts > _MOST_PARTS:
            raise _exceeded(node.path, "schema_weight", limits.schema_weight)
    return places


def _add(sums: _Parts, parts: _Parts, times: int) -> None:
    for number, count in parts.items():
        sums[number] += times * count


def _innermost_first(nodes: list[_Node]) -> Iterator[int]:
    """Yield all schemas, those for the same value before those that lead to them. Refuse one that leads to itself."""
    waiting = [len(node.same) for node in nodes]
    outer: list[list[int]] = [[] for _ in nodes]
    for number, node in enumerate(nodes):
        for other in node.same:
            outer[other].append(number)
    ready = deque(number for number, count in enumerate(waiting) if not count)
    while ready:
        number = ready.popleft()
        yield number
        for each in outer[number]:
            waiting[each] -= 1
            if not waiting[each]:
                ready.append(each)
    if stuck := [number for number, count in enumerate(waiting) if count]:
        raise _refused(nodes[stuck[0]].path, "it refers to itself for the same value, without end")


# --- reading a schema


class _Reader:
    """Finds all schemas inside of a schema, and which leads to which. The whole one has the number 0.

    What is not as JSON Schema has it is passed over: compiling refuses that.
    """

    def __init__(self, schema: Json, limits: Limits) -> None:
        self.nodes: list[_Node] = []
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
        self.nodes.append(_Node(path, weight))
        if len(self.nodes) > 2 * self._limits.schema_nodes or len(self._numbers) >= self._limits.schema_nodes:
            raise _exceeded((), "schema_nodes", self._limits.schema_nodes)
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
            raise _refused((*path, "$id"), "only the whole schema may have an $id")
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

    def _read_members(self, node: _Node, schema: Mapping[str, Any], path: _Path) -> None:
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

    def _read_elements(self, node: _Node, schema: Mapping[str, Any], path: _Path) -> None:
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
            raise _exceeded(path, "schema_patterns", self._limits.schema_patterns)
        if len(pattern) > _MAX_PATTERN_CHARS:
            raise _refused(path, f"a pattern has at most {_MAX_PATTERN_CHARS} characters")
        for size, weight in _PATTERN_WEIGHTS:
            try:
                jsonschema_rs.Draft202012Validator(
                    {"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions(size_limit=size)
                )
            except (jsonschema_rs.ValidationError, ValueError):
                continue
            return weight
        raise _refused(
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
            raise _refused(
                where, f"a schema may only refer to itself, by # and a place in it, not to {str(reference)[:80]}"
            )
        if not fragment:
            return [0]
        if not fragment.startswith("/"):
            if fragment not in self._anchors:
                raise _refused(where, f"there is no anchor {fragment[:80]}")
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
                raise _refused(where, f"there is nothing at {fragment[:80]}")
            if isinstance(found, Mapping) and isinstance(found.get("$id"), str):
                raise _refused(where, "only the whole schema may have an $id")
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
