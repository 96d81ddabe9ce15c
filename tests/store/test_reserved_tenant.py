"""The name under which an application keeps its own functions is open to no tenant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from builders import a_workflow

from workflowkit import WorkflowKit
from workflowkit.base.errors import InvalidInput
from workflowkit.base.scope import APP_TENANT, Scope
from workflowkit.base.settings import Settings
from workflowkit.runtime.keys import Keys
from workflowkit.runtime.users import OWNER, NewUser, Users

SCOPE = Scope("default", APP_TENANT)
DOCUMENT = a_workflow().chain("a").document()
NEW_USER = NewUser("ada@example.com", "a long enough passphrase", ("editor",))

DOORS: dict[str, Callable[[WorkflowKit], Any]] = {
    "publish": lambda wk: wk.publish("w", DOCUMENT, scope=SCOPE),
    "create": lambda wk: wk.runtime.authoring.create(SCOPE, DOCUMENT),
    "key": lambda wk: Keys(wk.runtime.database).create(SCOPE, "k", ["events:send"]),
    "embed token": lambda wk: wk.embed_token(tenant=APP_TENANT),
    "embed token for nobody": lambda wk: wk.embed_token(tenant=""),
    "user": lambda wk: Users(wk.runtime.database).create(SCOPE, NEW_USER, OWNER),
}


@pytest.mark.parametrize("door", DOORS)
def test_it_is_refused(sqlite_url: str, door: str) -> None:
    wk = WorkflowKit(settings=Settings(database_url=sqlite_url))
    with pytest.raises(InvalidInput) as caught:
        DOORS[door](wk)
    assert [problem.pointer for problem in caught.value.problems] == ["/tenant"]
    wk.runtime.close()
