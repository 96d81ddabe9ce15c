"""Decimal numbers as text: amounts of money, which binary fractions cannot hold."""

from __future__ import annotations

from typing import Final

#: What such a text looks like, as a pattern of JSON Schema.
DECIMAL_PATTERN: Final = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?$"
