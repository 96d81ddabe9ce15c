"""Events as SDKs send them: what a repeated request comes to."""

from __future__ import annotations

import base64

import httpx
import inngest
import pytest
from sdkapps import SdkApp

from workflowkit.api.seeding import seeded_id

SEED = "1795327654172,LlCem5EBzBmM3A=="


def test_the_id_that_follows_from_a_seed_is_the_protocols() -> None:
    entropy = base64.b64decode("LlCem5EBzBmM3A==")
    assert seeded_id(1795327654172, entropy, 1) == "01M80XVY8W5S89X6WH0761K36X"


def test_a_request_that_is_sent_again_has_the_same_ids_and_starts_one_run(sdk: SdkApp) -> None:
    executed: list[str] = []

    @sdk.client.create_function(fn_id="once", trigger=inngest.TriggerEvent(event="go"))
    def once(ctx: inngest.ContextSync) -> str:
        executed.append(ctx.run_id)
        return ctx.event.id

    with sdk.serve([once]):
        answers = [
            httpx.post(
                f"{sdk.server}/e/any", json={"name": "go", "data": {}}, headers={"x-inngest-event-id-seed": SEED}
            )
            for _ in range(2)
        ]
        (event_id,) = answers[0].json()["ids"]
        run = sdk.run_of(event_id)
    assert answers[0].json() == answers[1].json()
    assert run["output"] == "01M80XVY8W5S89X6WH0761K36X"
    assert len(executed) == 1


@pytest.mark.parametrize(
    "seed", ["", "now,LlCem5EBzBmM3A==", "1795327654172,AAAA", "1795327654172,%%", f"{10**16},LlCem5EBzBmM3A=="]
)
def test_a_malformed_seed_is_ignored(sdk: SdkApp, seed: str) -> None:
    headers = {"x-inngest-event-id-seed": seed}
    answers = [httpx.post(f"{sdk.server}/e/any", json={"name": "go", "data": {}}, headers=headers) for _ in range(2)]
    first, second = (answer.json()["ids"] for answer in answers)
    assert first != second
