"""Boxes: sets of inputs that are right, or wrong, throughout, for networks with one layer of attention.

``bounds`` tests one set exactly, ``tree`` reads and walks the tree of sets that a certificate holds.
"""
