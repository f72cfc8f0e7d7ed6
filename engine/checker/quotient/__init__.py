"""Networks of two tokens with one hidden layer of ReLU, counted by classes of tokens (docs/certificate.md §11.1).

Reading order: form (the network in this form, and on grids of integers), rules.
"""
