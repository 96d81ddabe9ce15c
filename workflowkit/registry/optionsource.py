"""Where the options of an input come from: ``options=``, a function that is asked while somebody fills in a form.

Its parameters are other inputs of the action: what the options depend on. Public is the mark that it leaves in the
schema of the inputs, ``x-options``; the function stays in the process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflowkit.base.errors import DefinitionError, InvalidInput, Problem
from workflowkit.base.jsonvalue import child_pointer
from workflowkit.definition.schema import compile_schema, told_violations
from workflowkit.typeschema import Binding, read_signature

#: The keyword in a field's schema that says that it has options.
MARK = "x-options"
#: The parameter that gets what was typed, for functions that search by themselves.
SEARCH = "search"
#: What one of several options can be; a value that has no type may be anything.
_SCALARS = frozenset({"string", "integer", "number"})


@dataclass(frozen=True, slots=True)
class OptionSource:
    """The options of one input. ``schema`` is that of the inputs which they depend on, as an object."""

    input: str
    handler: Callable[..., Any] = field(repr=False)
    schema: Mapping[str, Any]
    searches: bool
    takes_context: bool
    is_async: bool
    binding: Binding = field(repr=False)

    @property
    def depends_on(self) -> tuple[str, ...]:
        """The inputs that the function takes, in its order."""
        return tuple(self.schema["properties"])

    @property
    def needs(self) -> tuple[str, ...]:
        """Those of them without which it cannot be asked."""
        return tuple(self.schema["required"])

    def mark(self) -> dict[str, Any]:
        """Return what the schema of the inputs says of it."""
        return {
            "input": self.input,
            "depends_on": list(self.depends_on),
            "needs": list(self.needs),
            "searches": self.searches,
        }

    def arguments(self, inputs: Mapping[str, Any], search: str) -> dict[str, Any]:
        """Return the keyword arguments of the function for what is known of the inputs; others are not looked at.

        Raises ``InvalidInput`` for an input that is needed and not there (``missing-input``), and for values that
        do not fit.
        """
        known = {name: inputs[name] for name in self.depends_on if name in inputs}
        if missing := [name for name in self.needs if name not in known]:
            raise InvalidInput(
                Problem(child_pointer("/inputs", name), "missing-input", f"choose {name!r} first") for name in missing
            )
        if wrong := list(told_violations(compile_schema(self.schema), known)):
            raise InvalidInput(Problem(f"/inputs{each.pointer}", "invalid-input", each.message) for each in wrong)
        return self.binding.arguments({**known, SEARCH: search} if self.searches else known)


def option_sources(kind: str, inputs: Mapping[str, Any], functions: Mapping[str, Any]) -> dict[str, OptionSource]:
    """Return the sources of ``functions``, by the inputs whose options they list.

    Raises ``DefinitionError`` for an input that there is not or that cannot have options, and for a function with
    parameters that are no inputs.
    """
    sources: dict[str, OptionSource] = {}
    problems: list[Problem] = []
    for name, handler in functions.items():
        try:
            sources[name] = _source(kind, inputs, name, handler)
        except DefinitionError as error:
            problems += error.problems
    if problems:
        raise DefinitionError(problems)
    return sources


def with_marks(inputs: Mapping[str, Any], sources: Mapping[str, OptionSource]) -> dict[str, Any]:
    """Return the schema of the inputs, saying which have options. In a list it is the entries that have them."""
    properties = dict(inputs.get("properties", {}))
    for name, source in sources.items():
        schema, mark = _keywords(properties[name]), {MARK: source.mark()}
        if schema.get("type") == "array":
            properties[name] = {**schema, "items": {**_keywords(schema.get("items")), **mark}}
        else:
            properties[name] = {**schema, **mark}
    return {**inputs, "properties": properties} if sources else dict(inputs)


def _source(kind: str, inputs: Mapping[str, Any], name: str, handler: Any) -> OptionSource:
    known: Mapping[str, Any] = inputs.get("properties", {})
    if reason := _unsuited(known, name, handler):
        raise _refused(kind, name, reason)
    signature = read_signature(handler, label=f"{kind} (options of {name})", outputs={})
    own: Mapping[str, Any] = signature.inputs["properties"]
    if signature.binding.names is None:
        raise _refused(kind, name, "the function must name the inputs that it takes, without **")
    if SEARCH in own and SEARCH in known:
        raise _refused(kind, name, f"the action has an input of its own that is called {SEARCH!r}")
    taken = [each for each in own if each != SEARCH]
    if name in taken or any(each not in known for each in taken):
        wrong = ", ".join(repr(each) for each in taken if each == name or each not in known)
        raise _refused(kind, name, f"parameters are other inputs of the action, or {SEARCH!r}; not {wrong}")
    return OptionSource(
        input=name,
        handler=handler,
        schema={
            **{key: value for key, value in inputs.items() if key in ("$defs", "definitions")},
            "type": "object",
            "properties": {each: known[each] for each in taken},
            "required": [each for each in signature.inputs["required"] if each != SEARCH],
        },
        searches=SEARCH in own,
        takes_context=signature.takes_context,
        is_async=signature.is_async,
        binding=signature.binding,
    )


def _unsuited(known: Mapping[str, Any], name: str, handler: Any) -> str | None:
    """Return why an input cannot have options, if it cannot."""
    if not callable(handler):
        return "must be a function"
    if name not in known:
        return "the action has no such input"
    schema = _keywords(known[name])
    if schema.get("type") == "array":
        schema = _keywords(schema.get("items"))
    if schema.get("writeOnly"):
        return "the input is secret"
    kinds = schema.get("type", ())
    if "enum" in schema or (kinds and not _SCALARS.intersection([kinds] if isinstance(kinds, str) else kinds)):
        return "only text, numbers and lists of them, without a list of values of their own, can have options"
    return None


def _keywords(schema: Any) -> Mapping[str, Any]:
    """Return what a schema says; one that is ``true``, or left out, says nothing."""
    return schema if isinstance(schema, Mapping) else {}


def _refused(kind: str, name: str, message: str) -> DefinitionError:
    text = f"action {kind!r}, options of {name!r}: {message}"
    return DefinitionError([Problem(child_pointer("/options", name), "invalid-action", text)])
