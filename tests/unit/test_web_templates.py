"""The templates of the gallery are workflows that can be published as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workflowkit import WorkflowKit
from workflowkit.definition.validate import validate

TEMPLATES: list[dict[str, Any]] = json.loads(
    (Path(__file__).resolve().parents[2] / "web/src/workflows/templates.json").read_text()
)


def test_there_are_at_least_eight_with_names_of_their_own() -> None:
    assert len({template["id"] for template in TEMPLATES}) == len(TEMPLATES) >= 8
    assert len({template["name"] for template in TEMPLATES}) == len(TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["id"])
def test_nothing_is_wrong_with_a_template(template: dict[str, Any]) -> None:
    assert [problem.as_dict() for problem in validate(template["document"], WorkflowKit("gallery").registry)] == []
