"""Explanations of networks as files of sentences, and the accuracy that follows from the sentences alone.

:func:`.file.load` reads a file, :func:`.score.score` says what it is worth; ``mechproof.score`` does both.
"""
