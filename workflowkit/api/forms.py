"""HTML forms made from JSON Schemas: which controls there are, and what was entered into them.

A property that is text, a number, yes or no, or one of some values has a control of its own; anything else is entered
as JSON. What is entered is held against the schema afterwards, by others: here it only gets its type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from workflowkit.base.errors import InvalidForm, InvalidInput, LimitExceeded, Problem
from workflowkit.base.jsonvalue import child_pointer, dumps, loads_strict
from workflowkit.base.limits import Limits
from workflowkit.definition.writtenschema import schema_problems

Control = Literal["text", "email", "date", "url", "textarea", "number", "checkbox", "select", "json"]
Form = Mapping[str, Any] | None

#: What the names of fields begin with; ``decision`` and ``comment`` are the page's own.
PREFIX = "data."
_FORMATS: dict[str, Control] = {"email": "email", "date": "date", "uri": "url"}
_LONG_CHARS = 200


@dataclass(frozen=True, slots=True)
class Option:
    """One of the values to choose from: ``value`` is its JSON."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class FormField:
    """One control. ``value`` is what stands in it, as text; of a checkbox ``on`` if it is ticked."""

    name: str
    label: str
    control: Control
    help: str
    required: bool
    value: str
    options: tuple[Option, ...]
    attributes: Mapping[str, str]
    error: str = ""


def fields_of(form: Form, entered: Mapping[str, str] | None, problems: Iterable[Problem] = ()) -> list[FormField]:
    """Return the controls of a form: with its defaults, or with what was ``entered`` and what is wrong with that."""
    wrong = {problem.pointer: problem.message for problem in problems}
    return [
        _field(name, schema, name in _required(form), entered, wrong.get(child_pointer("/data", name), ""))
        for name, schema in _properties(form).items()
    ]


def data_of(form: Form, entered: Mapping[str, str], limits: Limits) -> dict[str, Any]:
    """Return what was entered, with the types of the form; what was left empty is not there.

    Text where a number should be stays text, for the schema to refuse. Raises ``InvalidForm`` if a field must not be
    empty, or has JSON that is none: with these places, and all others that are wrong.
    """
    data, problems = {}, []
    for name, schema in _properties(form).items():
        pointer = child_pointer("/data", name)
        try:
            value = _value(schema, entered.get(PREFIX + name, ""), limits)
        except (InvalidInput, LimitExceeded):
            problems.append(Problem(pointer, "invalid-json", "This is not JSON"))
            continue
        if value is not None:
            data[name] = value
        elif name in _required(form):
            problems.append(Problem(pointer, "missing-key", "Please fill this in"))
    if problems:
        places = {problem.pointer for problem in problems}
        wrong = (problem for problem in _refused(form, data) if problem.pointer not in places)
        raise InvalidForm([*problems, *wrong])
    return data


def _refused(form: Form, data: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with single fields by the schema."""
    for each in schema_problems(form or {}, data, "/data"):
        if each.pointer != "/data":
            yield Problem(each.pointer, "invalid-value", each.message)


def _properties(form: Form) -> dict[str, Mapping[str, Any]]:
    found = {} if form is None else form.get("properties", {})
    return {name: schema if isinstance(schema, dict) else {} for name, schema in found.items()}


def _required(form: Form) -> list[Any]:
    return list((form or {}).get("required", []))


def _field(
    name: str, schema: Mapping[str, Any], required: bool, entered: Mapping[str, str] | None, error: str
) -> FormField:
    control = _control(schema)
    value = _shown(control, schema.get("default")) if entered is None else entered.get(PREFIX + name, "")
    return FormField(
        name=PREFIX + name,
        label=_text(schema.get("title")) or name.replace("_", " ").capitalize(),
        control=control,
        help=_text(schema.get("description")),
        required=required and control != "checkbox",
        value=value,
        options=tuple(Option(dumps(each), _label(each)) for each in schema.get("enum", ())),
        attributes=_attributes(control, schema),
        error=error,
    )


def _control(schema: Mapping[str, Any]) -> Control:
    if isinstance(schema.get("enum"), list):
        return "select"
    match _types(schema):
        case ["boolean"]:
            return "checkbox"
        case ["integer"] | ["number"]:
            return "number"
        case ["string"]:
            ui = schema.get("ui")
            widget = ui.get("widget") if isinstance(ui, dict) else None
            is_long = widget == "textarea" or (schema.get("maxLength") or 0) > _LONG_CHARS
            return "textarea" if is_long else _FORMATS.get(str(schema.get("format")), "text")
    return "json"


def _types(schema: Mapping[str, Any]) -> list[Any]:
    found = schema.get("type", [])
    return [each for each in (found if isinstance(found, list) else [found]) if each != "null"]


def _attributes(control: Control, schema: Mapping[str, Any]) -> dict[str, str]:
    if control == "number":
        shown = {"min": schema.get("minimum"), "max": schema.get("maximum")}
        step = 1 if _types(schema) == ["integer"] else "any"
        return {"step": str(step)} | {key: dumps(value) for key, value in shown.items() if value is not None}
    if control in ("text", "email", "url", "textarea"):
        shown = {"minlength": schema.get("minLength"), "maxlength": schema.get("maxLength")}
        return {key: dumps(value) for key, value in shown.items() if value is not None}
    return {}


def _value(schema: Mapping[str, Any], text: str, limits: Limits) -> Any:
    """Return the value of one field, ``None`` if it was left empty."""
    control = _control(schema)
    if control == "checkbox":
        return bool(text)
    if not text.strip():
        return None
    if control == "select":
        return next((each for each in schema["enum"] if dumps(each) == text), text)
    if control == "json":
        return _parsed(text, limits)
    if control == "number":
        try:
            value = _parsed(text, limits)
        except (InvalidInput, LimitExceeded):
            return text
        return value if type(value) in (int, float) else text
    return text.replace("\r\n", "\n")  # as browsers send lines


def _parsed(text: str, limits: Limits) -> Any:
    return loads_strict(text.strip(), max_bytes=limits.approval_data_bytes, max_depth=limits.json_depth)


def _shown(control: Control, default: Any) -> str:
    if default is None:
        return ""
    if control == "checkbox":
        return "on" if default is True else ""
    return default if isinstance(default, str) and control not in ("select", "json") else dumps(default)


def _label(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
