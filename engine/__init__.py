"""The logic: terms, claims, rules, derivations, certificates. Knows nothing about transformers."""
