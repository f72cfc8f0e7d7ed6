"""Claims: one statement of the claim language, evaluated on the auditor's weights (docs/certificate.md §9).

Stands on the kernel, which knows only what :mod:`.rules` declares. Reading order: tokens, tree and text (what a
statement says), names (whether it means something), matrix and functions (exact numbers and enclosures), spectrum
(singular values), network (what is known of logits), value and truth (its evaluation), known and rules.
"""
