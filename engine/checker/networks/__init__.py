"""The checker's side for any small network: layers and tasks as data, and every input decided by enumeration.

Written from docs/statement.md and docs/network_file.md alone; nothing here knows the prover.

Reading order: tensor and pattern (exact tensors, axes), layers (what a network is), checkpoints and network_file (where
it comes from), expression and task (which inputs, which answers), statement (the hash); packing and folding (exact
products, linear maps folded into what reads them), gates (pointwise functions), evaluator (all inputs in fixed point),
tables (the first mix by tables), forms (exact ties), enumeration (the count).
"""
