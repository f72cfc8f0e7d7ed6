"""The definition as a claim: what it says and what it is identified by."""

from __future__ import annotations

from mechproof.rewrites.rules.network_function import NetworkFunctionDefinition


def test_the_claim_is_the_statement(oracle):
    """The only rule without premises concludes the statement's hash, and other weights give another claim."""
    net = oracle.random_net(0, "eighths", 3, 2)
    other = net.replaced(b_U=[[value + 1 for value in net.tensors["b_U"][0]]])
    claim = NetworkFunctionDefinition().conclude((), net.statement)
    assert NetworkFunctionDefinition.premises == ()
    assert NetworkFunctionDefinition().encode(net.statement) == {}
    assert claim.conclusion() == {"kind": "network", "statement": net.statement.sha256}
    assert claim.identity() == net.statement.sha256 != other.statement.sha256


def test_the_sentence_gives_the_layers(oracle):
    """By their kinds, in order."""
    net = oracle.random_net(7, "eighths", 5, 3)
    sentence = NetworkFunctionDefinition().conclude((), net.statement).sentence()
    assert "the network (embed, attention, unembed)" in sentence
