"""When a run may start, and whether it may at all. Pure: no store, no clock, no network; rows go in and come out.

Each module is one control: ``gcra`` (throttle and rate limit), ``debounce``, ``batch``, ``singleton``,
``idempotency``, ``concurrency``, ``priority``. ``keys`` evaluates what users wrote in their settings, once for each
event; ``fairness`` says in which order waiting work starts; ``admission`` puts the controls into their one order. A
function takes the row that is stored for a key, or ``None``, and gives the row to store instead.
"""
