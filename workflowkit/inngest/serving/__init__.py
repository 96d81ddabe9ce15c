"""The other side of Inngest's wire protocol: functions and workflows of ours, performed for a server that calls us.

Each call performs one step of one run. What the server remembers of a run comes along with the call and becomes the
memo of an engine's session; what the handler does next becomes the operations of the answer. The session, the executor
and the planner are the engine's own.

- ``endpoint``: what answers requests, whatever the web framework; ``servedapp``, ``wsgi``, ``asgi``: the frameworks
- ``options``: what an endpoint is told, and the environment's variables
- ``requests``: a call, read; ``trust``: who has signed it; ``recollection``: what the server remembers
- ``session``, ``recorder``, ``operations``, ``conditions``: a handler's steps as operations
- ``performing``: one attempt; ``functions``: a function; ``checkpointing``: several steps in one call
- ``graphs``: a document, ``walking`` through its ``memory`` to the next ``places``, with ``loops`` and ``outputs``
- ``served``: what is served; ``announcing``: how it registers; ``platform``: calls to the server
"""
