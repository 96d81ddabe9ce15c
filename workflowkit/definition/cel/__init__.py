"""Expressions: the syntax of CEL with Inngest's null-tolerant meaning, compiled once to closures.

Why not a library: those there are give CEL's strict meaning, cannot be bounded in time, or convert the whole event for
every evaluation. This one walks plain JSON, answers in microseconds, and has no names to reach for: what an expression
can do is ``functions.FUNCTIONS``, ``functions.METHODS`` and the macros. docs/expressions.md is the user's reference.

Text passes through ``lexer``, ``parser`` (to the ``syntax`` tree), ``analysis`` (size, policy, variables) and
``compiler``; at run time ``operators``, ``functions`` and ``macros`` work on ``values`` under one ``budget``.
"""

from workflowkit.definition.cel.analysis import Constant, Equality, Path, Policy
from workflowkit.definition.cel.expression import Expression, compile_expression, read_path

__all__ = ["Constant", "Equality", "Expression", "Path", "Policy", "compile_expression", "read_path"]
