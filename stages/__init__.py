"""Stages of training: what is proved of each checkpoint, and what a proof for one is worth for the next.

Nothing is concluded here: every count is the theorem of a proof about the checkpoint's own weights.
"""
