"""References to secrets: ``!secret(name)`` in the inputs of an action, where the action's schema says that one belongs.

Only a text of a document that is nothing else is one. What an event or an output brings in stays text, whatever it
looks like; and a document knows names only, never a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workflowkit.base.jsonvalue import child_pointer, pointer_to
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.references import references_in
from workflowkit.definition.schema import Violation

SECRET_OPEN: Final = "!secret("  # noqa: S105 - a word of the document format
#: The names that secrets can have.
SECRET_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_REFERENCE: Final = re.compile(rf"!secret\(({SECRET_NAME.pattern})\)")
_COMBINED: Final = ("anyOf", "oneOf", "allOf")
# What a schema says of an object or list that a secret stands in, whatever the value of the secret turns out to be.
_CERTAIN_OF_CONTAINER: Final = frozenset(
    {"type", "required", "additionalProperties", "minItems", "maxItems", "minProperties", "maxProperties"}
)

Key = str | int


@dataclass(frozen=True, slots=True)
class Place:
    """A text in inputs: where it stands, and whether the action's schema says that it is a secret."""

    path: tuple[Key, ...]
    text: str
    is_secret: bool

    @property
    def pointer(self) -> str:
        """The place as a JSON pointer into the inputs."""
        return pointer_to(self.path)


@dataclass(frozen=True, slots=True)
class SecretUse:
    """A secret that a step is given: its name, and where in the inputs its value goes."""

    path: tuple[Key, ...]
    name: str


def secret_name(text: Json) -> str | None:
    """Return the name of the secret that a text refers to; ``None`` if it is anything but such a reference."""
    found = _REFERENCE.fullmatch(text) if isinstance(text, str) and text.startswith(SECRET_OPEN) else None
    return None if found is None else found[1]


def secret_reference(name: str) -> str:
    """Return how a document refers to a secret."""
    return f"{SECRET_OPEN}{name})"


def places_in(inputs: Mapping[str, Json], schema: Mapping[str, Any]) -> Iterator[Place]:
    """Yield every text in inputs as a document has them; ``schema`` is that of the action's inputs."""
    yield from _Walk(schema).places(dict(inputs), [schema], (), is_secret=False)


def secret_uses(inputs: Mapping[str, Json], schema: Mapping[str, Any]) -> tuple[SecretUse, ...]:
    """Return the secrets that inputs of a document refer to, at places for secrets; elsewhere there are none."""
    if not mentions_secrets(dict(inputs)):
        return ()
    return tuple(
        SecretUse(place.path, name)
        for place in places_in(inputs, schema)
        if place.is_secret and (name := secret_name(place.text)) is not None
    )


def without_places(schema: Any) -> Any:
    """Return a schema that says of nothing that it is secret."""
    if isinstance(schema, Mapping):
        return {
            key: without_places(inner)
            for key, inner in schema.items()
            if not (key == "writeOnly" and isinstance(inner, bool)) and not (key == "format" and inner == "password")
        }
    return [without_places(inner) for inner in schema] if isinstance(schema, list) else schema


def mentions_secrets(value: Json) -> bool:
    """Tell whether there is ``!secret(`` in a text of a JSON value."""
    return any(True for _ in texts_with_secrets(value))


def texts_with_secrets(value: Json, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Yield the pointer and the text of every text in a JSON value that has ``!secret(`` in it."""
    if isinstance(value, str):
        if SECRET_OPEN in value:
            yield pointer, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from texts_with_secrets(inner, child_pointer(pointer, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from texts_with_secrets(inner, child_pointer(pointer, index))


def secrets_named_in(document: Json) -> dict[str, str]:
    """Return the names of the secrets that a document refers to, each with the pointer of its first reference."""
    found: dict[str, str] = {}
    for pointer, text in texts_with_secrets(document):
        if (name := secret_name(text)) is not None:
            found.setdefault(name, pointer)
    return found


def depends_on_secret(violation: Violation) -> bool:
    """Tell whether a complaint about inputs may be none once the secrets in them are known."""
    if isinstance(violation.value, str):
        return secret_name(violation.value) is not None and violation.keyword != "type"
    return violation.keyword not in _CERTAIN_OF_CONTAINER and any(
        secret_name(text) is not None for _, text in texts_with_secrets(violation.value)
    )


class _Walk:
    """Goes through inputs and the schemas that they stand under, side by side."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def places(self, value: Json, schemas: Sequence[Any], path: tuple[Key, ...], *, is_secret: bool) -> Iterator[Place]:
        """Yield the texts in a value that any of ``schemas`` may describe."""
        # Each once: in schemas that refer to themselves there would be twice as many at each depth.
        forms: dict[int, Mapping[str, Any]] = {}
        for schema in schemas:
            self._add_forms(forms, schema, value, is_choice=False)
        yield from self._places(value, [*forms.values()], path, is_secret=is_secret)

    def _places(
        self, value: Json, forms: Sequence[Mapping[str, Any]], path: tuple[Key, ...], *, is_secret: bool
    ) -> Iterator[Place]:
        is_secret = is_secret or any(map(_says_secret, forms))
        if isinstance(value, str):
            yield Place(path, value, is_secret)
        elif isinstance(value, dict):
            for key, inner in value.items():
                yield from self.places(inner, _of_member(forms, key), (*path, key), is_secret=is_secret)
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                yield from self.places(inner, _of_item(forms, index), (*path, index), is_secret=is_secret)

    def _add_forms(self, forms: dict[int, Mapping[str, Any]], schema: Any, value: Json, *, is_choice: bool) -> None:
        """Add a schema and those that it is combined of; one of several to choose from, if it may be this value's."""
        if not isinstance(schema, Mapping) or id(schema) in forms or (is_choice and _is_of_another(schema, value)):
            return
        forms[id(schema)] = schema
        target = schema.get("$ref")
        if isinstance(target, str):
            self._add_forms(forms, self._defined(target), value, is_choice=is_choice)
        for keyword in _COMBINED:
            for inner in schema.get(keyword, ()):
                self._add_forms(forms, inner, value, is_choice=is_choice or keyword != "allOf")

    def _defined(self, target: str) -> Any:
        found: Any = self._root
        for token in target.removeprefix("#").split("/")[1:] if target.startswith("#") else ("",):
            name = token.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, Mapping) else None
        return found


def _says_secret(schema: Mapping[str, Any]) -> bool:
    return schema.get("writeOnly") is True or schema.get("format") == "password"


def _is_of_another(schema: Mapping[str, Any], value: Json) -> bool:
    """Tell whether a fixed member of an object says that a schema is not about it: ``{"by": {"const": "bank"}}``."""
    if not isinstance(value, dict):
        return False
    members = schema.get("properties", {})
    return any(
        isinstance(members[key], Mapping) and _excludes(members[key], inner)
        for key, inner in value.items()
        if key in members and not references_in(inner)
    )


def _excludes(schema: Mapping[str, Any], value: Json) -> bool:
    if "const" in schema:
        return bool(schema["const"] != value)
    return "enum" in schema and value not in schema["enum"]


def _of_member(forms: Sequence[Mapping[str, Any]], key: str) -> list[Any]:
    return [_member(form, key) for form in forms]


def _member(form: Mapping[str, Any], key: str) -> Any:
    if key in form.get("properties", ()):
        return form["properties"][key]
    # SAFETY: S18 — a pattern may say of a member that it is another than the rest; so none of them is for a secret.
    return None if "patternProperties" in form else form.get("additionalProperties")


def _of_item(forms: Sequence[Mapping[str, Any]], index: int) -> list[Any]:
    listed = [form.get("prefixItems", ()) for form in forms]
    return [
        first[index] if index < len(first) else form.get("items") for form, first in zip(forms, listed, strict=True)
    ]
