"""An application of Inngest's SDK of Python: one function of three sequential steps that do nothing.

Served by one process, so that it can tell how often it was called: ``GET /calls``.
"""

from __future__ import annotations

import os
import threading
from collections import Counter

import flask
import inngest
import inngest.flask

from bench.ours.app import SDK_EVENT

STEPS = 3
#: The protocol's least: one call for each step, and one in which the function returns.
LEAST_CALLS = STEPS + 1

_lock, _seen = threading.Lock(), Counter[str]()
_client = inngest.Inngest(
    app_id="bench", is_production=True, signing_key=os.environ["WORKFLOWKIT_SIGNING_KEY"], event_key="none",
    api_base_url=os.environ["BENCH_SERVER_URL"], event_api_base_url=os.environ["BENCH_SERVER_URL"],
)  # fmt: skip


@_client.create_function(fn_id="three-steps", trigger=inngest.TriggerEvent(event=SDK_EVENT))
def three_steps(ctx: inngest.ContextSync) -> int:
    return sum(ctx.step.run(f"step-{number}", _nothing) for number in range(STEPS))


def _nothing() -> int:
    return 1


app = flask.Flask("bench-sdk")
inngest.flask.serve(app, _client, [three_steps])


@app.before_request
def _count() -> None:
    if "fnId" in flask.request.args:
        with _lock:
            _seen["calls"] += 1


@app.get("/calls")
def calls() -> str:
    return str(_seen["calls"])
