"""Whether what references lead to can fit the inputs it is for, as far as both have declared types.

Only what cannot fit whatever comes is told, and as a warning: schemas of events and outputs are what somebody says of
them. Null fits everywhere, as what is missing may be left out; of several possible types one that fits is enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from workflowkit.base.errors import Problem
from workflowkit.base.jsonvalue import pointer_to
from workflowkit.definition.checks.outputs import resolve_reference
from workflowkit.definition.checks.sight import Sight
from workflowkit.definition.checks.subject import GraphSubject, Subject, Types
from workflowkit.definition.contract import InputContract
from workflowkit.definition.jsonpath import Key, Path
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.model import OnError
from workflowkit.definition.outline import ActionEntry
from workflowkit.definition.references import Reference, whole_reference

MISMATCH: Final = "type-mismatch"
_OPENING: Final = "!ref("
#: Whose types are remembered while a document is checked.
_EVENT, _INPUTS, _OUTPUT = range(3)
_CONTAINERS: Final = (dict, list)
_NUMBERS: Final = frozenset({"integer", "number"})
_NAMES: Final = ("string", "integer", "number", "boolean", "array", "object")
_WORDS: Final = dict(
    zip(_NAMES, ("text", "a whole number", "a number", "true or false", "a list", "an object"), strict=True)
)
_LIST, _OBJECT = frozenset({"array"}), frozenset({"object"})
#: Schemas refer to themselves, and lead from one to many: past so many steps, options or events nobody says.
_MOST: Final = 50


def check_fits(owner: str, entry: ActionEntry, contract: InputContract, sight: Sight) -> Iterator[Problem]:
    """Yield the references that stand alone in an action's inputs and lead to what cannot fit there."""
    memo = sight.subject.whole.types
    for name, value in entry.inputs.items():
        found: Iterable[tuple[tuple[Key, ...], Reference]]
        if isinstance(value, str):
            whole = whole_reference(value) if value.startswith(_OPENING) else None
            found = () if whole is None else (((name,), whole),)
        else:
            found = _whole_references(value, (name,)) if isinstance(value, _CONTAINERS) else ()
        # The action gets no reference of a rule, and an expression has none.
        if name not in contract.properties or name in contract.logic or name in contract.expressions:
            continue
        for path, reference in found:
            if not (given := _given_by(reference, sight)):
                continue
            place = (_INPUTS, entry.kind, path)
            wanted = memo[place] if place in memo else memo.setdefault(place, declared_types(contract.schema, path))
            if wanted and given.isdisjoint(wanted) and not (given & _NUMBERS and wanted & _NUMBERS):
                message = (
                    f"{owner} takes {_in_words(wanted)} for '{'.'.join(map(str, path))}', "
                    f"but {reference.text} is declared as {_in_words(given)}"
                )
                yield Problem(f"{entry.pointer}/inputs{pointer_to(path)}", MISMATCH, message, "warning")


def _whole_references(value: Json, path: tuple[Key, ...]) -> Iterator[tuple[tuple[Key, ...], Reference]]:
    if isinstance(value, str):
        if value.startswith(_OPENING) and (reference := whole_reference(value)) is not None:
            yield path, reference
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _whole_references(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _whole_references(inner, (*path, index))


def _given_by(reference: Reference, sight: Sight) -> Types:
    if reference.root == "event":
        return _of_event(reference.path, sight.subject.whole)
    if reference.action is None or (home := sight.home_of(reference.action)) is None:
        return None
    return _of_action(reference.path, home[0], reference.action)


def _of_event(path: Path, whole: Subject) -> Types:
    if path.rest:
        return _LIST
    place = (_EVENT, "", path.keys)
    if place not in whole.types:
        schemas, keys = whole.event_schemas, path.keys
        is_data = keys[:1] == ("data",) and len(schemas) <= _MOST
        found = _all_of([declared_types(schema, keys[1:]) for schema in schemas]) if is_data else None
        whole.types[place] = found
    return whole.types[place]


def _of_action(path: Path, graph: GraphSubject, action: str) -> Types:
    if path.rest:
        return _LIST
    entry, types = graph.nodes[action], graph.whole.types
    # Where errors are handled, something else may stand in the output's place.
    if entry.settings.on_error is not OnError.FAIL:
        return None
    outputs, owner = graph.outputs_of(action)
    place = (_OUTPUT, owner, path.keys)
    if place not in types:
        types[place] = declared_types(outputs, path.keys)
    return types[place]


def declared_types(root: Any, keys: Sequence[Key]) -> Types:
    """Return the types, other than null, that the value at ``keys`` may have in a value that fits the schema."""
    found: Any = root
    for key in keys:
        found = _inner(_plain(found, root), key)
    return _types(found, root, _MOST)


def _plain(schema: Any, root: Any) -> Mapping[str, Any]:
    """Return what a schema is for values other than null; empty if that is not a single schema."""
    for _ in range(_MOST):
        if not isinstance(schema, Mapping):
            return {}
        if "properties" in schema or "items" in schema:
            return schema
        if isinstance(reference := schema.get("$ref"), str):
            schema = resolve_reference(root, reference)
            continue
        options = [each for each in _options(schema) if not _is_null(each)]
        if len(options) != 1:
            return {}
        (schema,) = options
    return {}


def _inner(schema: Mapping[str, Any], key: Key) -> Any:
    named = _named_types(schema)
    if isinstance(key, str):
        properties = schema.get("properties")
        is_object = named is None or named == _OBJECT
        return properties.get(key) if is_object and isinstance(properties, Mapping) else None
    return schema.get("items") if named == _LIST and "prefixItems" not in schema else None


def _types(schema: Any, root: Any, steps: int) -> Types:
    if not isinstance(schema, Mapping) or steps <= 0:
        return None
    if (named := _named_types(schema)) is not None:
        return named
    if isinstance(reference := schema.get("$ref"), str):
        return _types(resolve_reference(root, reference), root, steps - 1)
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, list):
        return frozenset(map(_type_of, values)) - {"null"} if len(values) <= _MOST else None
    options = _options(schema)
    # Each step is shared by what it leads to, so that all of them together end soon.
    return _all_of([_types(each, root, (steps - 1) // len(options)) for each in options]) if options else None


def _named_types(schema: Mapping[str, Any]) -> Types:
    named = schema.get("type")
    names = [named] if isinstance(named, str) else named
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return frozenset(names) - {"null"}


def _options(schema: Mapping[str, Any]) -> Sequence[Any]:
    options = schema.get("anyOf", schema.get("oneOf"))
    return options if isinstance(options, list) and len(options) <= _MOST else ()


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and _named_types(schema) == frozenset()


def _type_of(value: Json) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        # JSON has one kind of numbers: 1.0 is a whole one, too.
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def _all_of(options: Sequence[Types]) -> Types:
    known = [each for each in options if each is not None]
    return frozenset().union(*known) if known and len(known) == len(options) else None


def _in_words(types: frozenset[str]) -> str:
    return " or ".join(_WORDS[name] for name in _NAMES if name in types) or "something else"
