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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from operator import mul

from workflowkit.base.errors import LimitExceeded
from workflowkit.base.limits import Limits
from workflowkit.definition.jsvalues import CHARS_PER_VALUE, Json
from workflowkit.definition.schemanodes import Parts, SchemaNode, SchemaReader, exceeded, refused

#: Levels of a value for which the weight is held against its limit when a schema is published. What a deeper value
#: costs is known once there is one: a schema that refers to itself twice is dear for deep values only.
_LEVELS_PUBLISHED = 6
#: Levels of a value that are looked at: more than JSON from outside has.
_MOST_LEVELS = 128
#: How many parts the schemas for one place may have together, over all places. Beyond it the weight is not computed.
_MOST_PARTS = 50_000


@dataclass(slots=True)
class _Place:
    """What checks one place: the weights of all schemas for it, and what they say of the places inside."""

    weight: int = 0
    errors: int = 0
    again: int = 0
    groups: list[tuple[Parts, dict[str | int, Parts]]] = field(
        default_factory=lambda: [(Counter(), {}), (Counter(), {})]
    )

    def look_inside(self, node: SchemaNode, times: int) -> int:
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
        nodes = SchemaReader(schema, limits).nodes
        self._places = _places(nodes, limits)
        self._levels = (
            [{number: place.weight for number, place in self._places.items()}],
            [{number: place.errors for number, place in self._places.items()}],
        )
        if max(self._most(_LEVELS_PUBLISHED)[0]) > limits.schema_weight:
            raise exceeded((), "schema_weight", limits.schema_weight)

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


def _dearest(everywhere: Parts, here: Mapping[str | int, Parts], known: Mapping[int, int]) -> int:
    """Return what one member, or one element, costs at most."""
    more = max((_total(parts, known) for parts in here.values()), default=0)
    return _total(everywhere, known) + max(more, 0)


def _total(parts: Mapping[int, int], known: Mapping[int, int]) -> int:
    return sum(count * known[number] for number, count in parts.items())


# --- what a place costs, from what its schemas say


def _places(nodes: list[SchemaNode], limits: Limits) -> dict[int, _Place]:
    """Gather for each schema all those that check the same place with it."""
    gathered: dict[int, Parts] = {}
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
            raise exceeded(node.path, "schema_weight", limits.schema_weight)
    return places


def _add(sums: Parts, parts: Parts, times: int) -> None:
    for number, count in parts.items():
        sums[number] += times * count


def _innermost_first(nodes: list[SchemaNode]) -> Iterator[int]:
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
        raise refused(nodes[stuck[0]].path, "it refers to itself for the same value, without end")
