"""From the truth to the bound: the steps of every strategy add up exactly, and the counts are proved ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from gap_cells import leaning

from mechproof.engine.transcript import html, markdown
from mechproof.models.problem import statement_of
from mechproof.rewrites.proof import Proof, prove
from mechproof.rewrites.rules.right_count import RightCount
from mechproof.rewrites.waterfall import NoWaterfall, Waterfall, waterfall

SEED123 = Path(__file__).parents[1] / "data" / "max_of_4_seed123" / "weights.npz"
STRATEGIES = (
    "story", "subcubic", "subcubic/mean/drop/svd", "subcubic/glob/mean/mmd", "low_rank_values", "cubic", "vertex",
    "vertex/mdx", "separable", "branch_and_bound",
)  # fmt: skip


def fallen(net, strategy: str) -> tuple[Proof, Waterfall]:
    proof = prove(net.statement, "net", strategy)
    return proof, waterfall(proof.graph, proof.goal)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_losses_add_up_to_what_is_not_shown(oracle, strategy):
    """All inputs less every loss is the bound; the first loss is what enumeration finds wrong; all are proved."""
    for seed in (2, 3):
        net = leaning(oracle, seed, 4, 3)
        proof, found = fallen(net, strategy)
        assert found.inputs - sum(found.losses) == found.bound == proof.theorem.low
        assert found.losses[0] == len(net.truth.wrong)
        shown = {
            claim.low for d in proof.graph.derivations() if isinstance(claim := proof.graph.claim(d.claim), RightCount)
        }
        assert {fall.left for fall in found.falls} <= shown | {found.inputs - len(net.truth.wrong)}
        proof.graph.replay()


def test_every_claim_of_a_published_network_is_blamed_for_something():
    """Max-of-4: noise in UU and EQKE costs millions, low rank of EVOU some ten thousand, and the sums are exact."""
    statement = statement_of(SEED123)
    proof = prove(statement, "w", "low_rank_values")
    found = waterfall(proof.graph, proof.goal)
    assert [(fall.name, loss) for fall, loss in zip(found.falls, found.losses, strict=True)] == [
        ("wrong", 4252), ("cells", 1564590), ("EVOU", 20291), ("UU", 2522340), ("EQKE", 347027), ("the rest", 17)
    ]  # fmt: skip
    assert sum(found.losses) == 16777216 - proof.theorem.low


def test_the_section_shows_the_same_numbers(oracle):
    """The table's rows add up, and the figure has a bar a row."""
    net = leaning(oracle, 3, 4, 3)
    proof, found = fallen(net, "low_rank_values")
    text = markdown(proof.with_waterfall().transcript())
    section = text[text.index("From the truth to the bound") :]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("|")]
    losses = [int(row[2]) for row in rows if len(row) == 5 and row[2].strip().isdigit()]
    assert losses == [*found.losses, sum(found.losses)]
    assert "figure-waterfall" in html(proof.with_waterfall().transcript())


def test_other_proofs_have_none(oracle):
    """A loss, and a proof by enumeration, are refused with a sentence."""
    net = leaning(oracle, 3, 3, 2)
    for proof in (prove(net.statement, "net", "cubic", metric="loss"), prove(net.statement, "net", "enumerate")):
        with pytest.raises(NoWaterfall, match="a waterfall is of a count"):
            proof.with_waterfall()
