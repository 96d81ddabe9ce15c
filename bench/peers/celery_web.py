"""HTTP intake in front of Celery: a Flask route that calls ``delay``."""

from flask import Flask, request

from bench.peers.celery_app import handle_event

app = Flask(__name__)


@app.post("/event")
def single() -> tuple[dict[str, int], int]:
    handle_event.delay(request.get_json())
    return {"accepted": 1}, 202


@app.post("/events")
def bulk() -> tuple[dict[str, int], int]:
    events = request.get_json()
    with handle_event.app.producer_or_acquire() as producer:
        for event in events:
            handle_event.apply_async((event,), producer=producer)
    return {"accepted": len(events)}, 202
