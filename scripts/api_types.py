"""Write the TypeScript types of the API's answers and requests, from our own OpenAPI document.

.venv/bin/python scripts/api_types.py            writes web/src/api/schema.ts
.venv/bin/python scripts/api_types.py --check    changes nothing; exits 1 if the file is out of date
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workflowkit import WorkflowKit

TARGET = Path(__file__).resolve().parents[1] / "web" / "src" / "api" / "schema.ts"
HEADER = """\
// Written by scripts/api_types.py from the OpenAPI document. Do not edit.

import type { Json, JsonObject } from "../base/json";
"""
_REFERENCE_PREFIX = "#/components/schemas/"
_PRIMITIVES = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the file; return the exit status."""
    parser = argparse.ArgumentParser(description="Write the TypeScript types of the API.")
    parser.add_argument("--check", action="store_true", help="only tell whether the file is up to date")
    options = parser.parse_args(arguments)
    text = module_text(openapi_document())
    if options.check:
        is_current = TARGET.is_file() and TARGET.read_text() == text
        print(f"{TARGET.name} is up to date" if is_current else f"{TARGET.name} is stale: run scripts/api_types.py")
        return int(not is_current)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text)
    return 0


def openapi_document() -> Mapping[str, Any]:
    """Return the OpenAPI document of the API; nothing is connected for it."""
    response = WorkflowKit("types", database_url="sqlite://").api().test_client().get("/api/openapi.json")
    document: Mapping[str, Any] = response.get_json()
    return document


def module_text(document: Mapping[str, Any]) -> str:
    """Return the TypeScript module: an interface per schema, in order of name."""
    schemas: Mapping[str, Any] = document["components"]["schemas"]
    return "\n".join([HEADER, *(_declaration(name, schemas[name]) for name in sorted(schemas))])


def _declaration(name: str, schema: Mapping[str, Any]) -> str:
    if "type" not in schema:
        return f"{_comment(schema, '')}export type {name} = {type_text(schema)};\n"
    members = _members(schema, indent="  ")
    return f"{_comment(schema, '')}export interface {name} {{\n{members}}}\n"


def _members(schema: Mapping[str, Any], *, indent: str) -> str:
    required = schema.get("required", ())
    lines = []
    for name, member in schema.get("properties", {}).items():
        mark = "" if name in required else "?"
        lines.append(f"{_comment(member, indent)}{indent}readonly {name}{mark}: {type_text(member)};\n")
    return "".join(lines)


def _comment(schema: Mapping[str, Any], indent: str) -> str:
    text = schema.get("description", "")
    return f"{indent}/** {text} */\n" if text else ""


def type_text(schema: Mapping[str, Any]) -> str:
    """Return a schema as a TypeScript type."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(_REFERENCE_PREFIX)
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(type_text(option) for option in schema["anyOf"])
    kinds = schema.get("type", ())
    names = [kinds] if isinstance(kinds, str) else list(kinds)
    return " | ".join(_of_kind(name, schema) for name in names) or "Json"


def _of_kind(kind: str, schema: Mapping[str, Any]) -> str:
    if kind == "array":
        items = type_text(schema.get("items", {}))
        return f"readonly ({items})[]" if " " in items else f"readonly {items}[]"
    if kind == "object":
        return f"{{ {_members(schema, indent='').replace(chr(10), ' ')}}}" if "properties" in schema else "JsonObject"
    return _PRIMITIVES[kind]


if __name__ == "__main__":
    sys.exit(main())
