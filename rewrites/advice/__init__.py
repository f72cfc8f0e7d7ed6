"""Untrusted search; floats are allowed here and nowhere above."""
