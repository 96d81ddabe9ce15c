"""HTTP intake in front of DBOS: a Flask route that enqueues a workflow; a bulk request is one transaction."""

# DBOS is installed in its own environment only; where it is missing, its names have no types.
# mypy: disable-error-code="import-not-found"

import os

import sqlalchemy
from dbos import DBOSClient, EnqueueOptions
from flask import Flask, request

from bench.peers import dbos_app

_OPTIONS: EnqueueOptions = {"queue_name": dbos_app.QUEUE, "workflow_name": "handle_event"}

app = Flask(__name__)
_client = DBOSClient(system_database_url=dbos_app.DATABASE_URL)
_engine = sqlalchemy.create_engine(os.environ["BENCH_DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"))


@app.post("/event")
def single() -> tuple[dict[str, int], int]:
    _client.enqueue(_OPTIONS, request.get_json())
    return {"accepted": 1}, 202


@app.post("/events")
def bulk() -> tuple[dict[str, int], int]:
    events = request.get_json()
    with _engine.begin() as connection:
        for event in events:
            _client.enqueue_in_transaction(connection, _OPTIONS, event)
    return {"accepted": len(events)}, 202
