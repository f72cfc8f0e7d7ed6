"""Audits of any program that computes a number in floats."""
