"""Exact and enclosed numbers: dyadic matrices, balls, fixed-point intervals, verdicts, directed printing."""
