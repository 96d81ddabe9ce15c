"""The ids of the steps that one attempt of a handler comes to: each is given once."""

from __future__ import annotations

from workflowkit.base.errors import NonRetriableError
from workflowkit.base.jsonvalue import text_fault
from workflowkit.base.limits import Limits
from workflowkit.base.masking import Mask


class StepIds:
    """The ids that the steps of an attempt have so far. ``mask`` finds the secrets that it was given."""

    def __init__(self, limits: Limits, mask: Mask | None) -> None:
        self._limits, self._mask = limits, mask
        #: How often each id was asked for.
        self._counts: dict[str, int] = {}
        #: What was given, numbers of repeats included.
        self._taken: set[str] = set()

    def check(self, step_id: str) -> None:
        """Raise ``NonRetriableError`` for what is no id of a step."""
        most = self._limits.step_id_chars
        if not isinstance(step_id, str) or not 0 < len(step_id) <= most:
            raise NonRetriableError(f"the id of a step is text of 1 to {most} characters")
        # SAFETY: I4 — what no database can hold would fail each time that it is to be written, and the run never end.
        if (fault := text_fault(step_id)) is not None:
            raise NonRetriableError(f"the id of a step: {fault[1]}")
        # SAFETY: S18 — an id cannot be masked, for it would be another one.
        if self._mask is not None and self._mask.finds(step_id):
            raise NonRetriableError("the id of a step has the value of a secret in it")

    def numbered(self, step_id: str) -> str:
        """Return the id itself; for the second step that asks for it with ``:1``, for the third with ``:2``.

        A number is passed over where another step has that very id (``pay:1``), as in Inngest's SDK of TypeScript.
        """
        count = self._counts.get(step_id, 0)
        # SAFETY: I2 — whichever of the two comes first, a step is never given the result of another.
        while (own_id := f"{step_id}:{count}" if count else step_id) in self._taken:
            count += 1
        self._counts[step_id] = count + 1
        self._taken.add(own_id)
        return own_id

    def keyed(self, step_id: str, key: str | int) -> str:
        """Return the id of the step for one item of several: the item's key tells it apart, and not its place.

        Raises ``NonRetriableError`` for a key that is neither text nor a whole number, and for one that comes twice.
        """
        if type(key) not in (str, int) or key == "":
            raise NonRetriableError(f"step {step_id!r}: a key is text or a whole number, not {type(key).__name__}")
        own_id = f"{step_id}[{key}]"
        if own_id in self._counts:
            raise NonRetriableError(f"step {step_id!r} comes twice with the key {key!r}")
        return own_id
