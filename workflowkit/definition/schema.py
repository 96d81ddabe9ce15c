"""JSON Schema, draft 2020-12, safely: compiled once, linear-time patterns, nothing fetched, messages for people.

Validators are jsonschema-rs's. By default it would fetch a remote ``$ref`` over HTTP (S6) and run patterns on a
backtracking engine (S5); both are off here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workflowkit.base.decimals import DECIMAL_PATTERN
from workflowkit.base.errors import DefinitionError, Problem
from workflowkit.base.jsonvalue import dumps, pointer_to
from workflowkit.base.spelling import counted
from workflowkit.definition.durations import DURATION_FORMAT, is_duration_text
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.schemacost import sizes_of

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator, ValidationError

Schema = Mapping[str, Any] | bool
_SHOWN_CHARS = 100
_MOST_PLACES_TOLD = 20_000


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where a value breaks a schema. ``keyword`` is the schema keyword, ``message`` a sentence about it.

    ``schema_path`` leads to the keyword in the schema, references followed.
    """

    path: tuple[str | int, ...]
    keyword: str
    message: str
    value: Json
    schema_path: tuple[str | int, ...] = ()

    @property
    def pointer(self) -> str:
        """The place as a JSON pointer into the value."""
        return pointer_to(self.path)

    @property
    def code(self) -> str:
        """What problems about it are called: of what is missing the object is told, and forms mark the field."""
        return "missing-key" if self.keyword == "required" else "invalid-value"


def compile_schema(schema: Schema, *, max_pattern_bytes: int | None = None) -> Draft202012Validator:
    """Compile a schema, of somebody who is trusted: others' are ``writtenschema.WrittenSchema``.

    Raises ``DefinitionError`` for a bad one; one with a remote ``$ref`` or with a pattern that only a backtracking
    engine could run is bad.
    """
    import jsonschema_rs

    try:
        return jsonschema_rs.Draft202012Validator(
            schema if isinstance(schema, bool) else dict(schema),
            # SAFETY: S5, S6 — a linear regex engine, and no schema makes us open a connection.
            pattern_options=jsonschema_rs.RegexOptions(size_limit=max_pattern_bytes),
            retriever=_refuse_retrieval,
            validate_formats=True,
            formats={DURATION_FORMAT: is_duration_text},
        )
    except (jsonschema_rs.ValidationError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DefinitionError([Problem("", "invalid-schema", f"this JSON Schema cannot be used: {reason}")]) from None


def _refuse_retrieval(uri: str) -> Json:
    raise ValueError(f"a schema may only refer to itself, not to {uri}")


def violations(validator: Draft202012Validator, value: Json) -> Iterator[Violation]:
    """Yield every place where ``value`` breaks the schema; of ``anyOf`` and ``oneOf`` what the closest branch says."""
    for error in _told(list(validator.iter_errors(value))):
        yield from _explained(error)


def told_violations(validator: Draft202012Validator, value: Json) -> Iterator[Violation]:
    """Yield where ``value`` breaks an action's schema; of a value so large that this could take seconds, one place.

    Making one error takes 5,000 times as long as the check that finds it, and all are made before the first is read.
    """
    is_large = sum(sizes_of(value)) > _MOST_PLACES_TOLD
    yield from first_violations(validator, value) if is_large else violations(validator, value)


def first_violations(validator: Draft202012Validator, value: Json) -> Iterator[Violation]:
    """Yield what is wrong at the first place that breaks the schema: quick for large values, unlike all places."""
    import jsonschema_rs

    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as error:
        yield from _explained(error)


def _explained(error: ValidationError) -> Iterator[Violation]:
    branches = _branches(error)
    meant = [branch for branch in branches if not any(_is_other_form(inner, error) for inner in branch)]
    if len(meant) == 1:
        for inner in _told(meant[0]):
            yield from _explained(inner)
    else:
        yield Violation(
            tuple(error.instance_path), error.kind.name, _sentence(error), error.instance, tuple(error.schema_path)
        )


def _told(errors: list[ValidationError]) -> list[ValidationError]:
    """Leave out the pattern of a text that breaks its format, too: that says the same, and less well."""
    places = [error.instance_path for error in errors if error.kind.name == "format"]
    return [error for error in errors if error.kind.name != "pattern" or error.instance_path not in places]


def _branches(error: ValidationError) -> list[list[ValidationError]]:
    return getattr(error.kind, "context", None) or []


def _is_other_form(inner: ValidationError, outer: ValidationError) -> bool:
    """Return whether a branch of ``anyOf`` says that the value is of another sort altogether.

    That is also said by a fixed member, which tells objects apart: ``{"by": {"const": "bank"}}``.
    """
    depth = len(inner.instance_path) - len(outer.instance_path)
    return inner.kind.name in (("type", "const", "enum") if depth == 0 else ("const",) if depth == 1 else ())


def _sentence(error: ValidationError) -> str:
    if branches := _branches(error):
        if not all(branches):
            return f"{shown(error.instance)} fits several forms of which exactly one is allowed"
        others = [inner for branch in branches for inner in branch if _is_other_form(inner, error)]
        if others and all(inner.kind.name == "type" for inner in others):
            types = [name for inner in others for name in inner.kind.value]
            return f"Expected {_type_words(types)}, got {shown(error.instance)}"
        return f"{shown(error.instance)} fits none of the {len(branches)} forms that are allowed here"
    write = _SENTENCES.get(error.kind.name)
    return write(error.kind.value, error.instance) if write else _cut(error.message, 2 * _SHOWN_CHARS)


def shown(value: Json) -> str:
    """Return a value as JSON, cut to a length that fits into a message."""
    return _cut(dumps(value), _SHOWN_CHARS)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _type_words(types: list[str]) -> str:
    unique = list(dict.fromkeys(types))
    return " or ".join([", ".join(unique[:-1]), unique[-1]]) if len(unique) > 1 else unique[0]


_PATTERNS = {DECIMAL_PATTERN: "a decimal number, such as 12.50"}
_FORMATS = {DURATION_FORMAT: "a duration of up to 366 days, such as 30s, 15m, 2h or 7d"}
_SENTENCES: dict[str, Callable[[Any, Json], str]] = {
    "type": lambda types, value: f"Expected {_type_words(types)}, got {shown(value)}",
    "required": lambda name, _value: f"Missing {shown(name)}",
    "additionalProperties": lambda names, _value: f"Unknown key{'s' * (len(names) > 1)} {', '.join(map(shown, names))}",
    "enum": lambda options, value: f"Expected one of {', '.join(map(shown, options))}, got {shown(value)}",
    "const": lambda constant, value: f"Expected {shown(constant)}, got {shown(value)}",
    "format": lambda name, value: f"Expected {_FORMATS.get(name, f'text in the format {name}')}, got {shown(value)}",
    "pattern": lambda pattern, value: (
        f"Expected {_PATTERNS.get(pattern, f'text that matches {pattern}')}, got {shown(value)}"
    ),
    "minimum": lambda limit, value: f"Expected at least {limit}, got {shown(value)}",
    "maximum": lambda limit, value: f"Expected at most {limit}, got {shown(value)}",
    "exclusiveMinimum": lambda limit, value: f"Expected more than {limit}, got {shown(value)}",
    "exclusiveMaximum": lambda limit, value: f"Expected less than {limit}, got {shown(value)}",
    "multipleOf": lambda factor, value: f"Expected a multiple of {factor}, got {shown(value)}",
    "minLength": lambda least, value: f"Expected at least {counted(least, 'character')}, got {len(value)}",
    "maxLength": lambda most, value: f"Expected at most {counted(most, 'character')}, got {len(value)}",
    "minItems": lambda least, value: f"Expected at least {counted(least, 'element')}, got {len(value)}",
    "maxItems": lambda most, value: f"Expected at most {counted(most, 'element')}, got {len(value)}",
    "minProperties": lambda least, value: f"Expected at least {counted(least, 'key')}, got {len(value)}",
    "maxProperties": lambda most, value: f"Expected at most {counted(most, 'key')}, got {len(value)}",
    "falseSchema": lambda _nothing, value: f"Nothing may stand here, got {shown(value)}",
    "uniqueItems": lambda _unique, _value: "Expected all elements to differ",
}
