"""A worked input of any network: what is shown behind each layer is what the layers make of it."""

from __future__ import annotations

import re
from fractions import Fraction

import mpmath
import plain_network
import pytest
from every_transcript import PROOFS, proof_of

from mechproof.engine.transcript import Section, Table
from mechproof.engine.transcript.document import Math, Text, nodes
from mechproof.rewrites.rules.every_input import DecidedInputs

NAMES = [name for name in PROOFS if name.startswith(("layers", "enumerate"))]


@pytest.mark.parametrize("name", NAMES)
def test_logits_are_those_of_a_plain_evaluation(name):
    """Logits on the page are cut off downwards, by less than their last digit."""
    proof = proof_of(name)
    (found,) = (c for s in proof.graph.proof(proof.goal) if isinstance(c := proof.graph.claim(s.claim), DecidedInputs))
    margin, statement = found.decision.margin, found.statement
    sections = [b for b in proof.transcript().blocks if isinstance(b, Section) and "worked through" in b.title]
    if margin is None:
        assert not sections
        return
    (section,) = sections
    *_, logits = (block for block in section.blocks if isinstance(block, Table))
    with mpmath.workprec(plain_network.BITS):
        (row,) = plain_network.logits(statement.network, margin.tokens, [margin.position])
        for output, value, _ in logits.rows:
            (text,) = (inline.text for inline in output if isinstance(inline, Text))
            (number,) = (inline.latex for inline in value if isinstance(inline, Math))
            true, unit = row[int(text)], mpmath.mpf(10) ** -len(number.partition(".")[2])
            below = mpmath.mpf(Fraction(number).numerator) / Fraction(number).denominator
            assert below <= true + mpmath.mpf(10) ** -60 and true < below + unit
    said = " ".join(node.text for block in section.blocks for node in nodes(block) if isinstance(node, Text))
    verdicts = re.findall("So the input is (right|wrong)", said)
    assert verdicts in ([], ["right"], ["wrong"])
    assert verdicts != ["wrong"] or found.low < statement.inputs
