"""What hangs on a ``WorkflowKit``: ``wk.runs``, ``wk.events``, ``wk.approvals`` and so on, one module for each.

They know whose data is meant where nobody is named, and make the runtime when it is first needed.
"""
