"""Every limit, with its name, its default and its unit. A refusal names the limit it met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

KIB, MIB = 1024, 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds of one installation. Each may be set by ``WORKFLOWKIT_LIMIT_<NAME>``."""

    # documents
    document_bytes: int = 1 * MIB
    actions_per_workflow: int = 200
    edges_per_workflow: int = 1_000
    parallel_actions: int = 100
    """Most actions that can be ready at once: the widest level of the graph."""
    path_length: int = 100
    """Actions on the longest path."""
    triggers_per_workflow: int = 10
    cancel_rules_per_workflow: int = 5
    loop_depth: int = 3
    """Loops inside loops."""
    workflow_expression_chars: int = 64 * KIB
    """All CEL expressions of a document together."""
    version_note_chars: int = 1_000
    """What somebody who publishes a version says about it."""
    # JSON at the door
    request_bytes: int = 10 * MIB
    json_depth: int = 64
    # events
    event_bytes: int = 512 * KIB
    events_per_request: int = 5_000
    event_name_chars: int = 256
    event_id_chars: int = 256
    emitted_event_depth: int = 10
    """How many runs deep events may start further runs (self-triggering workflows stop here)."""
    handler_depth: int = 1
    """Events of one name about ends of runs, in one chain: with 1, a handler of failures that fails starts no other."""
    told_output_bytes: int = 64 * KIB
    """Output of a run that the event about its end carries; a larger one is left out."""
    # flow control
    batch_bytes: int = 10 * MIB
    """Size of the events of one batch."""
    batch_events: int = 10_000
    """Most events that a workflow may ask for in one batch."""
    queued_runs: int = 200_000
    """Runs that wait in one queue, of a workflow and the keys of its limits, before their first step."""
    priority_seconds: int = 43_200
    """How far a workflow may let a run move ahead of others, or behind them, in its queue."""
    # webhooks
    webhook_bytes: int = 1 * MIB
    """The body of one delivery."""
    form_fields: int = 1_000
    """Fields of a form or a query string."""
    idempotency_key_chars: int = 255
    """The header ``Idempotency-Key`` of a request."""
    transform_bytes: int = 64 * KIB
    # secrets
    secret_bytes: int = 64 * KIB
    """The value of one secret."""
    secret_description_chars: int = 500
    secrets_per_tenant: int = 1_000
    # approvals
    approval_title_chars: int = 200
    approval_text_chars: int = 10_000
    """The description of an approval."""
    approval_comment_chars: int = 2_000
    approval_form_bytes: int = 64 * KIB
    """The schema of an approval's form."""
    approval_data_bytes: int = 64 * KIB
    """What one person may enter into the form."""
    approval_bytes: int = 256 * KIB
    """The body of a decision that is sent by a link."""
    approval_assignees: int = 50
    approval_reminders: int = 10
    # schedules
    caught_up_slots: int = 1_000
    """Most missed firings of a schedule that are made up for at once."""
    queued_slots: int = 100
    """Most firings of a schedule that wait for an earlier run to end."""
    # runs
    output_bytes: int = 4 * MIB
    events_per_step: int = 1_000
    loop_items: int = 1_000
    """Items of one loop."""
    steps_per_run: int = 2_000
    """Most steps that one handler may open (``ctx.step``)."""
    step_id_chars: int = 200
    lookback_events: int = 1_000
    """How many earlier events one wait with a lookback may look at."""
    parallel_branches: int = 100
    """Most branches of one ``ctx.group.parallel``."""
    branch_threads: int = 16
    """How many of them are executed at the same time."""
    lost_attempts: int = 5
    """How often a step is tried again because its worker died, apart from its retries."""
    run_log_bytes: int = 256 * KIB
    """What is kept of what the handlers of one run log."""
    log_line_chars: int = 8 * KIB
    reason_chars: int = 500
    """What somebody who cancels a run, or pauses a workflow, says about it."""
    # login
    login_failures_per_client: int = 10
    """Attempts with one name from one address that may fail in 15 minutes."""
    login_failures_per_name: int = 100
    """Attempts with one name from all addresses: a bound for many machines together, too high for one to lock out the
    owner of the name."""
    login_failures_per_address: int = 100
    """Attempts with all names from one address: an office behind one address has many people who mistype."""
    # realtime
    message_bytes: int = 512 * KIB
    """The data of one published message."""
    published_pieces: int = 1_000
    """Pieces, of 1 KB at most, of one stream that an app publishes while it is made."""
    piece_seconds: int = 30
    """How long an app may send nothing of a stream that it publishes before it counts as ended."""
    channel_chars: int = 256
    topic_chars: int = 64
    topics_per_token: int = 20
    token_seconds: int = 3_600
    """How long a subscription token may be good for."""
    replay_seconds: int = 300
    """How long published messages are kept for subscribers that come back."""
    replay_messages: int = 1_000
    """Most messages that are sent to a subscriber at once; the next ones follow."""
    stream_seconds: int = 900
    """How long one stream lasts; its client then comes back with a new token."""
    streams: int = 10_000
    """Streams of one process. Further subscribers are answered like pollers."""
    blocking_streams: int = 4
    """Streams of one process that hold a thread each, where the server cannot do without."""
    stream_backlog_bytes: int = 4 * MIB
    """What waits for one slow subscriber; beyond it the stream is closed, and the client comes back."""
    # alerts
    alert_rules: int = 100
    """Rules of one tenant."""
    alert_counted_runs: int = 100_000
    """Most runs that one look of a rule counts, the latest ones."""
    # runs in memory: tests, dry runs
    rehearsal_passes: int = 2_000
    """Most calls of handlers in one run."""
    rehearsal_days: int = 400
    """Most time that one run may skip."""
    rehearsal_seconds: int = 30
    """Most real time of a dry run."""
    dry_runs: int = 8
    """Dry runs of one process at a time: each holds a thread."""
    tenant_dry_runs: int = 4
    """Those of them that are one tenant's."""
    # options of inputs
    options: int = 500
    """Options of one list; of a longer one these are shown, and search finds others."""
    options_bytes: int = 256 * KIB
    """Values and labels of one list together."""
    options_seconds: int = 10
    """How long a function may take to list them."""
    option_lists: int = 8
    """Such functions that one process has at work: each holds a thread."""
    tenant_option_lists: int = 4
    """Those of them that are for one tenant."""
    # expressions
    expression_chars: int = 4 * KIB
    """The text of one expression."""
    expression_nodes: int = 500
    """Its operators, names and values."""
    expression_depth: int = 32
    """Its nesting."""
    expression_steps: int = 10_000
    """The work of one evaluation, also of a JSON Logic rule."""
    expression_output_chars: int = 256 * KIB
    """Text that one evaluation may make."""
    logic_nodes: int = 1_000
    """Operators and values of a JSON Logic rule."""
    # JSON Schemas that documents and forms have
    schema_nodes: int = 1_000
    """Schemas inside of one."""
    schema_patterns: int = 100
    """Its patterns."""
    schema_weight: int = 100_000
    """Checks that one place of a value may take."""
    schema_checks: int = 50_000_000
    """Checks that a whole value may take; each takes about 10 ns."""
    # references
    reference_nodes: int = 1_000_000
    """Values that resolving one step's inputs may visit, compare or copy."""
    resolved_chars: int = 4 * MIB
    """Characters that resolving one step's inputs may put together from references inside texts."""
    # functions of other programs
    remote_call_seconds: int = 7_200
    """How long one call may take, from resolving the name to the last byte."""
    remote_reply_bytes: int = 8 * MIB
    remote_request_bytes: int = 4 * MIB
    """The event and the results of steps that are sent along with one call."""
    remote_idle_replies: int = 3
    """How often a function may answer without anything new before its attempt fails."""
    remote_defers: int = 20
    """How many functions one run of a function of an app may let follow it."""
    remote_endpoints: int = 500
    """Durable endpoints of apps, each of which is a function here."""
    endpoint_silence_seconds: int = 300
    """How long an app may tell nothing of a run that it executes by itself; then it is called."""
    endpoint_token_seconds: int = 604_800
    """How long a caller of a durable endpoint may fetch the result."""
    remote_fetch_seconds: int = 300
    """How long a request may take that a function wants sent for it: to a service, or to a model."""
    # embedding
    embed_token_seconds: int = 86_400
    """How long an embed token may be good; it cannot be called back."""
    serve_request_bytes: int = 8 * MIB
    """A call of a server for which functions of ours are performed: events, and what is remembered of a run."""
    serve_cache_bytes: int = 16 * MIB
    """Outputs that a process keeps for served documents whose actions have a ``cache``."""
    app_sync_seconds: int = 30
    """How long an app may take to answer when it is asked for its functions."""
    app_syncs: int = 100
    """Syncs of one application that are kept, the latest ones."""
    # workers that connect
    connect_message_bytes: int = 8 * MIB
    """One frame of a connection, in either direction; a worker that sends a larger one is disconnected."""
    connect_apps: int = 10
    """Apps of one connection."""
    connect_requests: int = 1_000
    """Requests that a worker is sent at a time, unless it says how many it takes, and at most."""
    connect_lease_seconds: int = 120
    """How long a worker that fell silent keeps a request. It is renewed every fourth of it."""
    connect_hello_seconds: int = 5
    """How long a worker may take to say who it is."""
    connect_token_seconds: int = 300
    """How long a worker may take from asking for a gateway to connecting to it."""
    connections: int = 10_000
    """Connections of one gateway."""
    # lists
    page_size: int = 100
    searched_runs: int = 50_000
    """Runs that one request for a list of runs looks through; the next one goes on behind them."""
    evaluated_runs: int = 5_000
    """Runs whose event and output one such request holds against an expression."""
    searched_bytes: int = 64 * MIB
    """Events and outputs that it reads for that."""
    search_seconds: int = 3
    """How long it looks."""
    counted_events: int = 10_000
    """Events of one name that are counted for the list of names, the latest ones."""
    list_columns: int = 8
    """Columns of a list of runs that show values of their events or outputs."""
    column_chars: int = 200
    """What is shown of one such value."""
    metrics_workflows: int = 100
    """Workflows that metrics name, those that were made first; all others are one."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Limits:
        """Read overrides; a value that is no positive integer raises ``ValueError`` naming the variable."""
        values = {}
        for field in fields(cls):
            variable = f"WORKFLOWKIT_LIMIT_{field.name.upper()}"
            if (text := environ.get(variable)) is not None:
                if not text.isdigit() or int(text) < 1:
                    raise ValueError(f"{variable} must be a positive whole number, got {text!r}")
                values[field.name] = int(text)
        return cls(**values)


DEFAULT_LIMITS = Limits()
