"""The one tree of errors.

Every class carries a stable ``code`` (kebab-case, listed in docs/reference/errors.md), whether trying again can help
(``retryable``), and a message that is safe to show: never a secret, never a stack. HTTP statuses live in ``api/`` only.

    WorkflowKitError
    ├ DefinitionError(problems)      a document is not valid; every problem has a JSON pointer
    ├ ExpressionError                an expression does not parse, or does not evaluate
    │ └ CronError                    a cron expression does not parse, or never fires
    │   └ UnknownTimezone
    ├ InvalidInput(problems)         a request or a value is malformed
    │ ├ InvalidForm                  what somebody entered does not fit the form
    │ └ InvalidData                  what a run was to begin with does not fit the workflow's `inputs`
    ├ LimitExceeded                  a named limit was passed
    ├ NotFound
    ├ Gone                           its time is over
    ├ Conflict
    │ ├ AlreadyExists
    │ ├ StaleRevision                an edit was based on an older revision (ETag)
    │ ├ KeyReused                    an Idempotency-Key came with another request before
    │ ├ NotManual                    the workflow is not started by hand
    │ ├ WorkflowArchived             an archived workflow starts nothing and is not changed
    │ ├ RunCancelled                 there is no result: the run was cancelled
    │ └ LeaseLost                    another attempt holds the step, or the lease ran out
    ├ ActionError                    an action failed; retried unless it says otherwise
    │ ├ NonRetriableError
    │ ├ RetryAfterError(delay_seconds, at)
    │ ├ ActionTimeout
    │ ├ CodeChanged                  a handler is not the one that the run began with; retried until it is
    │ ├ StepError                    a step of a handler failed for good
    │ ├ MiddlewareError              a hook of a middleware raised
    │ ├ SecretMissing                a step is given a secret that its tenant does not have
    │ └ DestinationForbidden         netguard refused an address
    ├ AuthError
    │ ├ Unauthenticated
    │ ├ Forbidden
    │ └ TooManyAttempts(retry_after_seconds)
    ├ RunFailed                      there is no result: the run failed
    ├ TooManyAtOnce(limit, maximum)  as much is going on for a tenant as a named limit allows; later there is room
    │ └ ProcessBusy                  the same, for the whole process
    ├ OptionsFailed                  the options of an input could not be listed
    ├ InvalidStub                    a stub of a test or a dry run stands for nothing, or cannot be right
    ├ Unstubbed(held)                a test came to external actions or to waits without a stub
    └ StoreUnavailable               the database cannot be reached

Interrupts that the engine sends through user code derive from ``BaseException``, so ``except Exception`` in an action
cannot swallow them:

    EngineInterrupt
    ├ DeadlineInterrupt
    ├ LeaseInterrupt
    └ SuspendInterrupt
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Self

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a document or a request, with the place it stands.

    ``pointer`` is an RFC 6901 JSON pointer into what the user sent (``""`` is the whole of it).
    """

    pointer: str
    code: str
    message: str
    severity: Severity = "error"

    def as_dict(self) -> dict[str, str]:
        return {"pointer": self.pointer, "code": self.code, "message": self.message, "severity": self.severity}


class WorkflowKitError(Exception):
    """Root of all errors of this package."""

    code = "internal-error"
    retryable = False

    def __init__(self, message: str = "", **detail: Any) -> None:
        super().__init__(message or type(self).__name__)
        self.message = message or type(self).__name__
        self.detail = detail

    @property
    def in_one_line(self) -> str:
        """All that is wrong, with places."""
        return self.message


class _WithProblems(WorkflowKitError):
    def __init__(self, problems: Iterable[Problem], message: str = "") -> None:
        self.problems = tuple(problems)
        errors = [p for p in self.problems if p.severity == "error"] or list(self.problems)
        super().__init__(message or "; ".join(f"{p.pointer or '/'}: {p.message}" for p in errors[:5]))

    @property
    def in_one_line(self) -> str:
        return "; ".join(f"{problem.pointer}: {problem.message}" for problem in self.problems)


class DefinitionError(_WithProblems):
    """A workflow document cannot be used; ``problems`` lists everything that is wrong with it."""

    code = "invalid-definition"


class InvalidInput(_WithProblems):
    """A request, an event or an action's input is malformed; nothing was stored."""

    code = "invalid-input"

    @classmethod
    def at(cls, pointer: str, code: str, message: str) -> Self:
        """Return the error for one problem."""
        return cls([Problem(pointer, code, message)])


class InvalidForm(InvalidInput):
    """What somebody entered does not fit the form; the pointers lead into it."""

    code = "invalid-form"


class InvalidData(InvalidInput):
    """The data that a run was to begin with does not fit the ``inputs`` of its workflow; nothing was stored."""

    code = "invalid-data"


class ExpressionError(WorkflowKitError):
    """An expression does not parse (``position`` is a character offset), or its evaluation was stopped."""

    code = "invalid-expression"

    def __init__(self, message: str, *, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


class CronError(ExpressionError):
    """A cron expression does not parse, or its days never come."""

    code = "invalid-cron"


class UnknownTimezone(CronError):
    """There is no such time zone."""

    code = "unknown-timezone"


class LimitExceeded(WorkflowKitError):
    """Something is larger than the named limit allows."""

    code = "limit-exceeded"

    def __init__(self, limit: str, maximum: int, actual: int | None = None, *, pointer: str = "") -> None:
        shown = "" if actual is None else f", got {actual}"
        super().__init__(f"limit {limit} exceeded: at most {maximum}{shown}")
        self.limit, self.maximum, self.actual, self.pointer = limit, maximum, actual, pointer


class NotFound(WorkflowKitError):
    """There is no such thing in the caller's environment and tenant."""

    code = "not-found"


class Gone(WorkflowKitError):
    """There was such a thing, and its time is over."""

    code = "gone"


class Conflict(WorkflowKitError):
    """The request contradicts the present state."""

    code = "conflict"


class AlreadyExists(Conflict):
    """The name is taken."""

    code = "already-exists"


class StaleRevision(Conflict):
    """The edit was based on an older revision than the stored one."""

    code = "stale-revision"


class KeyReused(Conflict):
    """An ``Idempotency-Key`` was sent with another request before."""

    code = "idempotency-key-reused"


class NotManual(Conflict):
    """The workflow has no manual trigger: only those who may edit it start it by hand."""

    code = "not-manual"


class WorkflowArchived(Conflict):
    """A workflow that is archived starts nothing, and nobody changes it until it is restored."""

    code = "workflow-archived"

    def __init__(self, workflow_id: str) -> None:
        super().__init__(f"workflow {workflow_id!r} is archived: restore it first")


class RunCancelled(Conflict):
    """Somebody waits for the result of a run that was cancelled."""

    code = "run-cancelled"


class RunFailed(WorkflowKitError):
    """Somebody waits for the result of a run that failed. The message names the run and not what went wrong in it."""

    code = "run-failed"


class LeaseLost(Conflict):
    """Another attempt holds the step, or the lease ran out: this result may not be recorded."""

    code = "lease-lost"


class ActionError(WorkflowKitError):
    """An action failed. Retried by the step's policy unless ``retryable`` is false."""

    code = "action-failed"
    retryable = True


class NonRetriableError(ActionError):
    """Raise in an action to fail the step at once."""

    code = "non-retriable"
    retryable = False


class RetryAfterError(ActionError):
    """Raise in an action or a step to choose when it is tried again: after a delay, or ``at`` a time with its zone.

    The delay is clamped to the engine's bounds (1 second to 24 hours) and beats the backoff table.
    """

    code = "retry-after"

    def __init__(
        self, message: str, delay_seconds: float | timedelta | None = None, *, at: datetime | None = None, **detail: Any
    ) -> None:
        super().__init__(message, **detail)
        self.delay_seconds, self.at = delay_seconds, at


class ActionTimeout(ActionError):
    """The action ran past its deadline."""

    code = "action-timeout"


class CodeChanged(ActionError):
    """A handler goes on in a way that does not fit what it has done: other code than this began the run.

    A fault of the deployment and not of the run, which waits for the right code as it does where no worker has any.
    """

    code = "code-changed"


class StepError(ActionError):
    """A step of a handler (``ctx.step``) failed for good. Catch it to go on without its result.

    ``step_id`` is the id it was called with, ``name`` the class of the exception that ended its last attempt,
    ``cause_code`` our stable code for it. Not caught, it fails the handler at once: the step had its own retries.
    """

    code = "step-failed"
    retryable = False

    def __init__(self, message: str, *, step_id: str = "", name: str = "", cause_code: str = "") -> None:
        super().__init__(message)
        self.step_id, self.name, self.cause_code = step_id, name, cause_code


class MiddlewareError(ActionError):
    """A hook of a middleware raised: ``middleware`` is the name of its class, ``hook`` of the method.

    Retried like what was raised there.
    """

    code = "middleware-failed"

    def __init__(self, middleware: str, hook: str, error: BaseException, *, retryable: bool = True) -> None:
        super().__init__(f"{middleware}.{hook}: {type(error).__name__}: {error}")
        self.middleware, self.hook, self.retryable = middleware, hook, retryable


class SecretMissing(NonRetriableError):
    """A document gives a step a secret that its tenant does not have, or that is too short to be one."""

    code = "secret-missing"


class DestinationForbidden(NonRetriableError):
    """netguard refused the address an action wanted to reach."""

    code = "destination-forbidden"


class AuthError(WorkflowKitError):
    """The caller may not do this."""

    code = "auth-error"


class Unauthenticated(AuthError):
    """No credentials, or unknown ones."""

    code = "unauthenticated"


class Forbidden(AuthError):
    """The credentials are known and do not carry the needed scope. ``problems`` say what of the request needs more."""

    code = "forbidden"

    def __init__(self, message: str = "", problems: Iterable[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)

    @classmethod
    def at(cls, pointer: str, message: str) -> Self:
        """Return the error for one place of a request."""
        return cls(message, [Problem(pointer, cls.code, message)])


class TooManyAttempts(AuthError):
    """Too many attempts to log in have failed; ``retry_after_seconds`` says when there may be another."""

    code = "too-many-attempts"
    retryable = True

    def __init__(self, retry_after_seconds: int) -> None:
        minutes = -(-retry_after_seconds // 60)
        super().__init__(f"too many attempts have failed; try again in {minutes} minute{'s' if minutes > 1 else ''}")
        self.retry_after_seconds = retry_after_seconds


class TooManyAtOnce(WorkflowKitError):
    """As much is going on for the caller's tenant as the named limit allows; trying again later helps."""

    code = "too-many-at-once"
    retryable = True

    def __init__(self, limit: str, maximum: int) -> None:
        super().__init__(f"limit {limit} reached: at most {maximum} at a time; try again when one has ended")
        self.limit, self.maximum = limit, maximum


class ProcessBusy(TooManyAtOnce):
    """As much is going on in this process, for all tenants, as the named limit allows."""

    code = "process-busy"


class OptionsFailed(WorkflowKitError):
    """The function that lists the options of an input failed, or took too long."""

    code = "options-failed"
    retryable = True


class InvalidStub(WorkflowKitError):
    """A stub stands for nothing, or says what that which it stands for could never do."""

    code = "invalid-stub"


class Unstubbed(WorkflowKitError):
    """A run under test came to external actions or to waits without a stub; ``held`` are all of them."""

    code = "unstubbed"

    def __init__(self, message: str = "", held: Iterable[Any] = ()) -> None:
        super().__init__(message)
        self.held = tuple(held)


class StoreUnavailable(WorkflowKitError):
    """The database cannot be reached or did not answer in time."""

    code = "store-unavailable"
    retryable = True

    def __str__(self) -> str:
        # For logs and developers: the ``message``, which others see, names no hosts.
        said = str(self.detail.get("driver_message", "")).strip()
        return f"{self.message}: {said.splitlines()[0]}" if said else self.message


class EngineInterrupt(BaseException):
    """Root of what the engine raises inside a running action from outside."""


class DeadlineInterrupt(EngineInterrupt):
    """The action's deadline has passed."""


class LeaseInterrupt(EngineInterrupt):
    """The worker could not renew the step's lease, so somebody else may run it."""


class StopInterrupt(EngineInterrupt):
    """Whoever asked for the run, which is one in memory, wants it no more."""


class SuspendInterrupt(EngineInterrupt):
    """The handler waits for something: its attempt ends here, and it is entered again later."""
