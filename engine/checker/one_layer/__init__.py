"""One layer of attention with one head that is to return the largest of its tokens, by sets of sequences, each tested
exactly (docs/certificate.md §1.2 to §8).

Reading order: form (the network as five path matrices), margins (what is to be negative, and exact signs), packed
(bounds for all outputs at once), sets (sets of sequences and the largest sum on each), counts and triples (how many
sequences are right), losses.
"""
