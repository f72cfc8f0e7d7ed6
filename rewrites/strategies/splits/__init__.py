"""Ways to split a path table into a cheap part and noise, as recipes over rules: what the sub-cubic proofs start from.

They conclude nothing themselves; like strategies they may be deleted, and a stored graph replays.
"""
