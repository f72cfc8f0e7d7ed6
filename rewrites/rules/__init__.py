"""One lemma a file: statement, written proof, side conditions, cost, derivation."""
