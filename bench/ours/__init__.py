"""This engine as one of the measured systems."""
