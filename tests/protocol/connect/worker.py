"""A worker of the Python SDK, unmodified, that connects: for the tests of the protocol (tests/connectapps.py).

    python worker.py TOLD INSTANCE APP[@VERSION] [APP…]

What its functions do it writes to the file TOLD, one JSON value a line. ``slow`` waits in its step for the file that
its event names.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import inngest
import inngest.connect

told = Path(sys.argv[1])


def tell(*value: Any) -> None:
    with told.open("a") as file:
        file.write(json.dumps([*value]) + "\n")


def wait_for(path: Path) -> None:
    while not path.exists():
        threading.Event().wait(0.02)


def app_of(name: str, version: str) -> tuple[inngest.Inngest, list[inngest.Function[Any]]]:
    client = inngest.Inngest(app_id=name, app_version=version or None)

    @client.create_function(fn_id="three", trigger=inngest.TriggerEvent(event=f"{name}/three"))
    def three(ctx: inngest.ContextSync) -> list[str]:
        def step(letter: str) -> str:
            tell(name, letter)
            return letter

        return [ctx.step.run(letter, step, letter) for letter in ("a", "b", "c")]

    @client.create_function(fn_id="slow", trigger=inngest.TriggerEvent(event=f"{name}/slow"), retries=0)
    async def slow(ctx: inngest.Context) -> list[Any]:
        async def wait() -> str:
            tell(name, "began", os.getpid())
            await asyncio.to_thread(wait_for, Path(str(ctx.event.data["until"])))
            return version

        by = await ctx.step.run("wait", wait)

        async def after() -> str:
            tell(name, "after")
            return "after"

        return [by, await ctx.step.run("after", after), ctx.attempt]

    @client.create_function(fn_id="parallel", trigger=inngest.TriggerEvent(event=f"{name}/parallel"), retries=0)
    def parallel(ctx: inngest.ContextSync) -> list[int]:
        def step(number: int) -> int:
            tell(name, number)
            return number

        numbers = [partial(ctx.step.run, f"s{number}", partial(step, number)) for number in range(4)]
        return [*ctx.group.parallel(tuple(numbers))]

    @client.create_function(fn_id="fail", trigger=inngest.TriggerEvent(event=f"{name}/fail"), retries=0)
    def fail(ctx: inngest.ContextSync) -> None:
        raise ValueError("it is broken")

    @client.create_function(fn_id="new", trigger=inngest.TriggerEvent(event=f"{name}/new"))
    def new(ctx: inngest.ContextSync) -> str:
        return version

    return client, [three, slow, parallel, fail, *([new] if version == "2" else [])]


async def main() -> None:
    apps = [app_of(*app.partition("@")[::2]) for app in sys.argv[3:]]
    limit = os.environ.get("MAX_REQUESTS")
    connection = inngest.connect.connect(
        apps, instance_id=sys.argv[2], max_worker_concurrency=None if limit is None else int(limit)
    )

    async def told_of() -> None:
        await connection.wait_for_state(inngest.connect.ConnectionState.ACTIVE)
        tell("active")

    task = asyncio.create_task(told_of())
    await connection.start()
    await task


asyncio.run(main())
