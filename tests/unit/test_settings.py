"""Settings and limits come from the environment, and a bad value is named."""

from __future__ import annotations

from typing import Any

import pytest

from workflowkit.base.limits import Limits
from workflowkit.base.settings import Settings


def test_without_an_environment_everything_has_its_default() -> None:
    assert Settings.from_environment({}) == Settings()


def test_own_variables_win_over_the_common_ones() -> None:
    environ = {"DATABASE_URL": "postgresql://common/x", "WORKFLOWKIT_DATABASE_URL": "sqlite:///own.db"}
    assert Settings.from_environment(environ).database_url == "sqlite:///own.db"
    del environ["WORKFLOWKIT_DATABASE_URL"]
    assert Settings.from_environment(environ).database_url == "postgresql://common/x"
    assert Settings.from_environment({"REDIS_URL": "redis://r"}).broker_url == "redis://r"


def test_each_type_of_setting_is_read() -> None:
    settings = Settings.from_environment(
        {
            "WORKFLOWKIT_QUEUES": "default, slow ,",
            "WORKFLOWKIT_LEASE_SECONDS": "1.5",
            "WORKFLOWKIT_INLINE_STEPS": "7",
            "WORKFLOWKIT_ALLOW_PRIVATE_NETWORKS": "1",
            "WORKFLOWKIT_LIMIT_EVENT_BYTES": "99",
        }
    )
    assert settings.queues == ("default", "slow")
    assert (settings.lease_seconds, settings.inline_steps, settings.allow_private_networks) == (1.5, 7, True)
    assert settings.limits == Limits(event_bytes=99)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WORKFLOWKIT_LEASE_SECONDS", "soon"),
        ("WORKFLOWKIT_LEASE_SECONDS", "0"),
        ("WORKFLOWKIT_LEASE_SECONDS", "inf"),
        ("WORKFLOWKIT_INLINE_STEPS", "-1"),
        ("WORKFLOWKIT_ALLOW_PRIVATE_NETWORKS", "maybe"),
        ("WORKFLOWKIT_LIMIT_EVENT_BYTES", "many"),
        ("WORKFLOWKIT_LIMIT_EVENT_BYTES", "0"),
    ],
)
def test_a_malformed_value_names_its_variable(variable: str, value: Any) -> None:
    with pytest.raises(ValueError, match=variable):
        Settings.from_environment({variable: value})
