"""A handler's signature, read once at registration: the schemas it implies and how JSON inputs become arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, get_type_hints

from workflowkit.base.errors import DefinitionError, InvalidInput, Problem
from workflowkit.base.jsonvalue import child_pointer
from workflowkit.typeschema.docstring import Docstring, parse_docstring
from workflowkit.typeschema.explicit import explicit_shape
from workflowkit.typeschema.reader import shape_of
from workflowkit.typeschema.records import NO_DEFAULT, Member, json_default, object_schema
from workflowkit.typeschema.secrets import hide_secrets
from workflowkit.typeschema.shape import Decode, Direction, Encode, Schema, Shape, UnsupportedType

#: A first parameter with one of these names gets the step context.
CONTEXT_NAMES = frozenset({"ctx", "context"})
#: A single parameter of this name gets all inputs as one object.
WHOLE_NAME = "inputs"

_KEYWORD_KINDS = frozenset({inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY})


@dataclass(frozen=True, slots=True)
class Binding:
    """How a step's inputs become a handler's arguments, and its return value becomes JSON.

    ``names`` are the inputs passed on by name (``None``: all). With ``whole`` the inputs go as one object into the
    parameter of that name.
    """

    names: frozenset[str] | None = None
    decoders: Mapping[str, Decode] = field(default_factory=dict)
    whole: str | None = None
    encode: Encode | None = None

    def arguments(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keyword arguments for a handler.

        Raises ``InvalidInput`` (``undecodable-input``) if a value fits the schema and still not the Python type.
        """
        if self.whole is not None:
            return {self.whole: self._argument(self.whole, dict(inputs), "/inputs")}
        decoders, arguments = self.decoders, {}
        for name, value in inputs.items():
            if self.names is None or name in self.names:
                known = name in decoders
                arguments[name] = self._argument(name, value, child_pointer("/inputs", name)) if known else value
        return arguments

    def _argument(self, name: str, value: Any, pointer: str) -> Any:
        decode = self.decoders.get(name)
        if decode is None:
            return value
        try:
            return decode(value)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidInput.at(pointer, "undecodable-input", f"input {name!r}: {error}") from error


@dataclass(frozen=True, slots=True)
class Signature:
    """What a handler's signature says. ``outputs`` is ``None`` if nothing is declared."""

    inputs: Schema
    outputs: Schema | None
    docstring: Docstring
    binding: Binding
    takes_context: bool
    is_async: bool


def read_signature(handler: Callable[..., Any], *, label: str, inputs: Any = None, outputs: Any = None) -> Signature:
    """Read a handler; ``inputs`` and ``outputs`` replace what its annotations say, if given.

    ``label`` names the action in messages. Raises ``DefinitionError`` with everything that is wrong.
    """
    return _SignatureReader(handler, label).read(inputs, outputs)


class _SignatureReader:
    def __init__(self, handler: Callable[..., Any], label: str) -> None:
        self._handler = handler
        name = getattr(handler, "__qualname__", type(handler).__qualname__)
        self._where = f"action {label!r}, function {name}"
        self._problems: list[Problem] = []
        self._docstring = parse_docstring(handler.__doc__ if hasattr(handler, "__qualname__") else None)
        signature = inspect.signature(handler)
        parameters = list(signature.parameters.values())
        self._takes_context = bool(parameters) and parameters[0].name in CONTEXT_NAMES
        self._parameters = parameters[1:] if self._takes_context else parameters
        self._returns = signature.return_annotation

    def read(self, inputs: Any, outputs: Any) -> Signature:
        self._refuse_unusable_parameters()
        if inputs is None:
            schema, binding = self._inferred_inputs()
        else:
            schema, binding = self._explicit_inputs(inputs)
        result = self._output_shape(outputs)
        if self._problems:
            raise DefinitionError(self._problems)
        function = inspect.unwrap(self._handler)
        call = getattr(function, "__call__", None)  # noqa: B004 — an object whose __call__ is async is async too
        return Signature(
            inputs=schema,
            outputs=None if result is None else result.schema,
            docstring=self._docstring,
            binding=binding if result is None else replace(binding, encode=result.encode),
            takes_context=self._takes_context,
            is_async=inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call),
        )

    def _refuse_unusable_parameters(self) -> None:
        for parameter in self._parameters:
            if parameter.name in CONTEXT_NAMES:
                self._problem(parameter.name, "the context must be the first parameter")
            elif parameter.kind not in _KEYWORD_KINDS | {inspect.Parameter.VAR_KEYWORD}:
                self._problem(parameter.name, "inputs are passed by name; use neither * nor positional-only parameters")

    # --- inputs from annotations

    def _inferred_inputs(self) -> tuple[Schema, Binding]:
        members: list[Member] = []
        decoders: dict[str, Decode] = {}
        additional: Schema | bool = False
        for parameter in self._parameters:
            shape = self._shape(parameter.name, parameter.annotation, "input")
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                additional = shape.schema or True
                continue
            if shape.decode is not None:
                decoders[parameter.name] = shape.decode
            members.append(self._member(parameter, shape))
        names = None if additional else frozenset(member.name for member in members)
        return hide_secrets(object_schema(members, additional=additional)), Binding(names, decoders)

    def _member(self, parameter: inspect.Parameter, shape: Shape) -> Member:
        required = parameter.default is inspect.Parameter.empty
        default = NO_DEFAULT if required else json_default(parameter.default)
        return Member(parameter.name, shape, required, default, self._docstring.parameters.get(parameter.name, ""))

    def _shape(self, name: str, annotation: Any, direction: Direction) -> Shape:
        if annotation is inspect.Parameter.empty:
            return Shape({})
        try:
            return shape_of(self._resolved(annotation), direction=direction)
        except UnsupportedType as error:
            self._problem(name, str(error))
            return Shape({})

    def _resolved(self, annotation: Any) -> Any:
        """Resolve one annotation by itself, so that a name missing in another one (often ``ctx``'s) does not matter."""
        globalns = getattr(inspect.unwrap(self._handler), "__globals__", {})
        holder = SimpleNamespace(__annotations__={"it": annotation})
        try:
            return get_type_hints(holder, globalns=globalns, include_extras=True)["it"]
        except NameError as error:
            missing = f"{annotation!r} uses {error.name!r}, which the function's module does not have"
            raise UnsupportedType(missing) from None

    # --- inputs written out

    def _explicit_inputs(self, declared: Any) -> tuple[Schema, Binding]:
        try:
            shape = explicit_shape(declared, direction="input")
        except UnsupportedType as error:
            self._problem("", str(error))
            return {}, Binding()
        schema: Schema = {"properties": {}, "required": [], **shape.schema}
        if schema.get("type") != "object":
            self._problem("", "the inputs must be an object: one property per input")
            return {}, Binding()
        only = self._parameters[0] if len(self._parameters) == 1 else None
        if only is not None and only.name not in schema["properties"] and self._takes_all(only, declared):
            decode = shape.decode or self._shape(only.name, only.annotation, "input").decode
            return schema, Binding(whole=only.name, decoders={only.name: decode} if decode else {})
        return schema, self._bind_by_name(schema)

    def _takes_all(self, parameter: inspect.Parameter, declared: Any) -> bool:
        if parameter.kind not in _KEYWORD_KINDS:
            return False
        try:
            return parameter.name == WHOLE_NAME or self._resolved(parameter.annotation) is declared
        except UnsupportedType:
            return False

    def _bind_by_name(self, schema: Schema) -> Binding:
        properties, decoders = schema["properties"], {}
        takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in self._parameters)
        named = {p.name: p for p in self._parameters if p.kind in _KEYWORD_KINDS}
        for name, parameter in named.items():
            if (decode := self._shape(name, parameter.annotation, "input").decode) is not None:
                decoders[name] = decode
            if parameter.default is not inspect.Parameter.empty:
                continue
            if name not in properties:
                self._problem(name, "the declared inputs have no such name")
            elif name not in schema["required"] and "default" not in properties[name]:
                self._problem(name, "has no default, so the declared inputs must require it or give it one")
        for name in properties:
            if name not in named and not takes_any:
                self._problem(name, "is declared as an input, and the function has no such parameter")
        return Binding(None if takes_any else frozenset(named), decoders)

    # --- the output

    def _output_shape(self, declared: Any) -> Shape | None:
        if declared is None:
            if self._returns is inspect.Signature.empty:
                return None
            return self._shape("return", self._returns, "output")
        try:
            return explicit_shape(declared, direction="output")
        except UnsupportedType as error:
            self._problem("return", str(error))
            return None

    def _problem(self, name: str, message: str) -> None:
        what = "the return value" if name == "return" else f"parameter {name!r}" if name else "inputs"
        pointer = "/outputs" if name == "return" else child_pointer("/inputs", name) if name else "/inputs"
        self._problems.append(Problem(pointer, "invalid-action", f"{self._where}, {what}: {message}"))
