"""Trees of sets of inputs, found in floats: which sets to split where, and numbers with which their tests hold.

Nothing here is believed: the rule tests every set again in integers.  Reading order: nodes (trees in the making),
floats (a form's tables as floats), extremes (least sums and ratios over sets), facts (pre-activations and ratios of
heads), gammas (numbers of heads), margins (the tests of a batch of sets), search (the tree of one read position), trees
(all of them, within the time there is).
"""
