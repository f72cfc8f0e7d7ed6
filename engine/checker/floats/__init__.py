"""Float runs: every run of the network in floating point, by bounds of its errors (docs/certificate.md §10).

Stands on the kernel, which knows only what :mod:`.rules` declares. Reading order: format (the numbers), error (the
tables of errors), rules (the certificate).
"""
