"""Families of sentences, one a file; see :mod:`..reading`."""
