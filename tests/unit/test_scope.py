"""What can be the name of a tenant."""

from __future__ import annotations

from typing import Any

import pytest

from workflowkit.base.errors import InvalidInput
from workflowkit.base.scope import APP_TENANT, Scope, check_tenant
from workflowkit.runtime.hosts import HostUser

WRONG: list[Any] = ["", None, 7, b"acme", "a\0b", "x" * 201]


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("name", ["environment", "tenant"])
def test_what_can_be_no_name_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        Scope(**({"environment": "e", "tenant": "t"} | {name: value}))
    assert [problem.pointer for problem in caught.value.problems] == [f"/{name}"]


def test_long_names_of_any_script_are_names() -> None:
    assert Scope("prod", "株" * 200).tenant == "株" * 200


def test_the_application_is_no_tenant() -> None:
    assert check_tenant(Scope("e", "acme")) == Scope("e", "acme")
    with pytest.raises(InvalidInput, match="the application itself"):
        check_tenant(Scope("e", APP_TENANT))


@pytest.mark.parametrize(
    ("tenant", "error", "match"),
    [(APP_TENANT, ValueError, "application"), ("", ValueError, "tenant"), (None, TypeError, "not NoneType")],
)
def test_nobody_acts_for_what_is_no_tenant(tenant: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        HostUser(id="u", roles="operator", tenant=tenant)


def test_a_host_may_name_a_tenant_by_its_number() -> None:
    assert HostUser(id=1, roles="operator", tenant=7).tenant == "7"
