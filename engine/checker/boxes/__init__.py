"""Boxes: sets of inputs of a network with one layer of attention, each tested at once (docs/certificate.md §12).

Reading order: lines (lines above and below pointwise maps), first (what a query reads of every position and token),
sets (sets of inputs, their sizes, and the greatest sum on each), bounds (whether one output stays below another on a
set), rules (the certificate's trees).
"""
