"""Advice for quotients, drawn at random: any blocks, partitions, shares and tree of joins."""

from __future__ import annotations

import random

from mechproof.rewrites.rules.quotient import Block, QuotientAdvice, Side

VARIANTS = [(exact, largest) for exact in (False, True) for largest in (False, True)]


def random_side(rng: random.Random, tokens: int, neurons: int) -> Side | None:
    """No partition, residues modulo 2 or 3, or any partition."""
    if rng.random() < 0.3:
        return None
    count = rng.randint(1, tokens)
    labels = [*range(count), *(rng.randrange(count) for _ in range(tokens - count))]
    rng.shuffle(labels)
    if rng.random() < 0.6:
        count = rng.choice([2, 3])
        labels = [x % count for x in range(tokens)]
    return Side(tuple(labels), tuple(tuple(rng.randint(0, 16) for _ in range(neurons)) for _ in range(count)))


def random_advice(rng: random.Random, tokens: int, neurons: int, variant: tuple[bool, bool]) -> QuotientAdvice:
    """For so many tokens on both sides."""
    left = list(range(neurons))
    rng.shuffle(left)
    blocks = []
    while left:
        size = rng.randint(1, len(left))
        chosen, left = tuple(left[:size]), left[size:]
        blocks.append(Block(chosen, random_side(rng, tokens, size), random_side(rng, tokens, size)))
    waiting, merges = list(range(len(blocks) + 2)), []
    while len(waiting) > 1:
        i, j = rng.sample(waiting, 2)
        waiting = [k for k in waiting if k not in (i, j)] + [len(blocks) + 2 + len(merges)]
        merges.append((i, j))
    return QuotientAdvice(tuple(blocks), tuple(merges), *variant)
