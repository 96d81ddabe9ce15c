"""When a run may start, and whether it may at all. Pure: no store, no clock, no network; rows go in and come out.

One module is one control: ``gcra`` (throttle and rate limit), ``debounce``, ``batch``, ``singleton``, ``idempotency``,
``concurrency``, ``priority``. A function takes the row that is stored for a key, or ``None``, and gives the row to
store instead. ``keys`` evaluates what users wrote in their settings, once for each event; ``admission`` puts the
controls into their one order and gives a ``decision``; ``dequeue`` asks those that wait for a step to start.
``simulation`` asks all of them what other settings would have made of events of the past.
"""
