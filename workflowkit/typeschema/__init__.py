"""Types as JSON Schema: what a handler's annotations and docstring say about its inputs and its output.

Reads annotations at registration, never at run time; imports neither pydantic nor marshmallow (whoever passes one of
their classes has imported it already).
"""

from workflowkit.typeschema.encode import to_json
from workflowkit.typeschema.reader import shape_of
from workflowkit.typeschema.shape import Field, Shape, UnsupportedType
from workflowkit.typeschema.signature import Binding, Signature, read_signature

__all__ = ["Binding", "Field", "Shape", "Signature", "UnsupportedType", "read_signature", "shape_of", "to_json"]
