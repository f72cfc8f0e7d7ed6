"""Emitting: the bytes are the documented ones, and the same for the same proof."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from mechproof.engine.certificate import emit, hex_integer
from mechproof.engine.claim import Claim
from mechproof.engine.cost import Cost
from mechproof.engine.graph import ProofGraph
from mechproof.engine.rule import NotEstablished, Rule


@dataclass(frozen=True)
class Share(Claim):
    right: int
    kind = "accuracy"

    def conclusion(self):
        return {"kind": self.kind, "right_low": hex_integer(self.right), "inputs": "0x10"}

    def identity(self):
        return str(self.right)

    def sentence(self):
        return f"${self.right}$ of $16$."


class Known(Rule):
    name, premises, lemmas, derivation, cost = "known", (), (), "", Cost()
    certifiable = True

    def conclude(self, premises, advice):
        return Share(advice)

    def encode(self, advice):
        return {"right": hex_integer(advice)}


class Weaker(Rule):
    name, version, premises, lemmas, derivation, cost = "weaker", 2, (Share, Share), (), "", Cost()
    certifiable = True

    def conclude(self, premises, advice):
        return Share(min(premise.right for premise in premises) - 1)


class Seen(Known):
    name, certifiable = "seen", False


def proved():
    graph = ProofGraph()
    graph.apply(Known(), advice=3)
    a, b = graph.apply(Known(), advice=9), graph.apply(Known(), advice=15)
    return graph, graph.apply(Weaker(), [b, a])


def test_bytes_are_the_documented_ones():
    """Schema, relation (metric first), statement, derivations with backward references, one newline at the end."""
    assert emit(*proved(), "ab" * 32) == (
        b'{"schema":"mechproof-certificate/2","relation":{"metric":"accuracy","right_low":"0x8","inputs":"0x10"},'
        b'"statement":"' + b"ab" * 32 + b'","derivations":['
        b'{"id":0,"rule":"known/1","premises":[],"advice":{"right":"0x9"},"conclusion":{"kind":"accuracy","right_low":"0x9","inputs":"0x10"}},'
        b'{"id":1,"rule":"known/1","premises":[],"advice":{"right":"0xf"},"conclusion":{"kind":"accuracy","right_low":"0xf","inputs":"0x10"}},'
        b'{"id":2,"rule":"weaker/2","premises":[1,0],"advice":{},"conclusion":{"kind":"accuracy","right_low":"0x8","inputs":"0x10"}}]}\n'
    )


def test_derivations_refer_backwards_only():
    """Ids count from 0 without gaps, and every premise is an earlier id, as a checker requires."""
    derivations = json.loads(emit(*proved(), "0" * 64))["derivations"]
    assert [step["id"] for step in derivations] == list(range(len(derivations)))
    assert all(premise < step["id"] for step in derivations for premise in step["premises"])


def test_the_same_proof_gives_the_same_bytes():
    """Neither a second run nor a replay changes a byte."""
    graph, goal = proved()
    assert emit(graph, goal, "0" * 64) == emit(*proved(), "0" * 64) == emit(graph.replay(), goal, "0" * 64)


def test_an_oracle_is_not_certified():
    """A claim that rests on an oracle alone has no certificate."""
    graph = ProofGraph()
    seen, known = graph.apply(Seen(), advice=9), graph.apply(Known(), advice=15)
    with pytest.raises(NotEstablished, match="certificate"):
        emit(graph, graph.apply(Weaker(), [known, seen]), "0" * 64)


def test_a_float_in_a_rule_does_not_reach_the_file():
    """A rule that encodes a float is stopped when its certificate is written."""
    leaky = type("Leaky", (Known,), {"encode": lambda self, advice: {"right": advice * 0.5}})
    graph = ProofGraph()
    with pytest.raises(TypeError, match="float"):
        emit(graph, graph.apply(leaky(), advice=3), "0" * 64)
