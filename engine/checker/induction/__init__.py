"""Two layers of attention on an induction task, by sets of inputs with some tokens fixed (docs/certificate.md §11.2).

Reading order: node (sets of inputs, and one test for each), rules (the certificate's tree).
"""
