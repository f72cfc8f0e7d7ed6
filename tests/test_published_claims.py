"""The numbers on docs/published_claims.md, from the weights."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

import mechproof
from mechproof.engine.arithmetic.ball import Ball, precision
from mechproof.models.one_layer import one_layer_of
from mechproof.rewrites.rules.path_decomposition import Paths

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "published_claims.md").read_text()
COQ = ROOT / "tests" / "data" / "max_of_2_coq" / "simpler.npz"


def mean_loss(paths: Paths) -> Ball:
    """The mean cross-entropy over all sequences of a K = 2 network, enclosed."""
    network = one_layer_of(paths.statement)
    tokens = range(network.d_vocab)
    root, total = Ball.sqrt(network.d_head), Ball.dyadic(0, 0)
    for q in tokens:
        weights = [
            [Ball.dyadic(paths.score(q, p, t), paths.score_exponent).over(root).exp() for t in tokens] for p in (0, 1)
        ]
        for t in tokens:
            m, chosen = max(q, t), (weights[0][t], weights[1][q])
            attention = [weight.over(chosen[0] + chosen[1]) for weight in chosen]
            terms = Ball.dyadic(1, 0)
            for x in tokens:
                if x != m:
                    gaps = [paths.logit_difference(q, p, token, x, m) for p, token in enumerate((t, q))]
                    parts = [a * Ball.dyadic(gap, paths.logit_exponent) for a, gap in zip(attention, gaps, strict=True)]
                    terms = terms + (parts[0] + parts[1]).exp()
            total = total + terms.log()
    return total.over(Ball.dyadic(network.d_vocab**2, 0))


def test_the_loss_of_the_coq_network_is_what_the_page_says():
    """2.1127766568550e-07 to all digits shown; neither published value is within ten percent of it."""
    proof = mechproof.prove(COQ)
    claims = (proof.graph.claim(step.claim) for step in proof.graph.proof(proof.goal))
    paths = next(claim for claim in claims if isinstance(claim, Paths))
    with precision(128):
        loss = mean_loss(paths)

        def over(text: str) -> Ball:
            return loss.over(Ball.dyadic(Fraction(text).numerator, 0).over(Ball.dyadic(Fraction(text).denominator, 0)))

        one, tenth = Ball.dyadic(1, 0), Ball.dyadic(1, 0).over(Ball.dyadic(10, 0))
        assert (over("2.1127766568550e-07") > one).proved and (over("2.1127766568551e-07") < one).proved
        for published in ("1.7639347049680509e-07", "5.4667811687832829e-07"):
            assert published in PAGE
            gap = over(published) - one
            assert (gap > tenth).proved or (gap < Ball.dyadic(0, 0) - tenth).proved
    assert "2.1127766568550" in PAGE


@pytest.mark.parametrize(
    ("file", "statement"),
    [
        ("max_of_2_coq/simpler.npz", "accuracy = 4096/4096"),
        ("unsound_averaging/total_v8_k4.npz", "accuracy = 513/4096"),
        ("unsound_averaging/cell_v3_k3.npz", "accuracy = 16/27"),
        ("max_of_4_seed123/weights.npz", "accuracy = 16772964/16777216"),
    ],
)
def test_the_page_states_what_is_proved(file, statement):
    """Each accuracy on the page is the theorem for the committed weights."""
    assert mechproof.prove(ROOT / "tests" / "data" / file).theorem.relation() == statement
    assert statement in PAGE and file in PAGE
