"""Sweeps: many strategies on a network, what each proves and what it costs, and how that compares with published work.

Nothing is concluded here: every row is the theorem of a proof, and a table or a figure only rounds its bound down.
"""
