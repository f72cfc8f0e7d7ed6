"""The proof graph: nothing enters without a rule, everything in it can be proved again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from mechproof.engine.claim import Claim, Shown
from mechproof.engine.cost import Cost
from mechproof.engine.graph import ProofGraph
from mechproof.engine.rule import NotEstablished, Rule


@dataclass(frozen=True)
class Number(Claim):
    """A statement about one number."""

    half: int

    def conclusion(self):
        return {"kind": self.kind, "half": self.half}

    def identity(self):
        return str(self.half)

    def sentence(self):
        return f"${2 * self.half}$ is {self.kind}."


class Even(Number):
    kind = "even"


class Natural(Number):
    """A claim whose identity may equal that of an even number without being the same claim."""

    kind = "natural"


class Small(Rule):
    """Definitions: rules for these tests that need no lemma."""

    lemmas = ()
    derivation = ""
    cost = Cost()
    certifiable = True


class Given(Small):
    name = "given"
    premises = ()

    def conclude(self, premises, advice):
        return Even(advice)


class Oracle(Given):
    name = "oracle"
    certifiable = False


class Assumed(Given):
    name = "assumed"
    conditional = True


class Count(Small):
    name = "count"
    premises = ()

    def conclude(self, premises, advice):
        return Natural(advice)


class Sum(Small):
    """From two even numbers to their sum."""

    name = "sum"
    premises = (Even, Even)

    def conclude(self, premises, advice):
        return Even(premises[0].half + premises[1].half)


class Less(Small):
    """From 2n to 2n - advice·2, refused below zero."""

    name = "less"
    version = 3
    premises = (Even,)

    def conclude(self, premises, advice):
        if advice > premises[0].half:
            raise NotEstablished(self.tag, "it would be negative")
        return Even(premises[0].half - advice)


class Drift(Small):
    """Says something else every time."""

    name = "drift"
    premises = ()
    calls = 0

    def conclude(self, premises, advice):
        Drift.calls += 1
        return Even(Drift.calls)


class Turn(Small):
    """Says the same number of another kind the second time."""

    name = "turn"
    premises = ()
    kinds: ClassVar[list[type[Number]]] = []

    def conclude(self, premises, advice):
        return self.kinds.pop()(7)


def steps(derivations):
    return [(derivation.rule.name, derivation.premises, derivation.claim) for derivation in derivations]


def test_apply_adds_the_conclusion():
    """The id that comes back names the concluded claim, and its derivation is kept."""
    graph = ProofGraph()
    one, two = graph.apply(Given(), advice=1), graph.apply(Given(), advice=2)
    three = graph.apply(Sum(), [one, two], None)
    assert graph.claim(three) == Even(3)
    (derivation,) = graph.derivations_of(three)
    assert (derivation.rule, derivation.premises, derivation.advice, derivation.claim) == (
        Sum(),
        (one, two),
        None,
        three,
    )


@pytest.mark.parametrize("premises", ["", "e", "n", "ne", "en", "nn", "eee"])
def test_wrong_premises_are_refused(premises):
    """Too few, too many, or one of another kind: the rule is not even asked, and nothing is added."""
    graph = ProofGraph()
    ids = {"e": graph.apply(Given(), advice=1), "n": graph.apply(Count(), advice=1)}
    unasked = type("Unasked", (Sum,), {"conclude": lambda self, premises, advice: pytest.fail("asked")})
    before = len(graph.network)
    with pytest.raises(NotEstablished) as caught:
        graph.apply(unasked(), [ids[letter] for letter in premises])
    assert caught.value.rule == "sum/1" and "premises" in caught.value.reason
    assert len(graph.network) == before


def test_a_refusing_rule_adds_nothing():
    """When the rule's own condition fails, the graph is as before."""
    graph = ProofGraph()
    one = graph.apply(Given(), advice=1)
    before = dict(graph.network.nodes(data=True))
    with pytest.raises(NotEstablished, match="less/3: not established: it would be negative"):
        graph.apply(Less(), [one], 5)
    assert dict(graph.network.nodes(data=True)) == before


def test_unknown_premises_are_no_claims():
    """An id that is not of this graph cannot be a premise; nor can a derivation."""
    graph = ProofGraph()
    one = graph.apply(Given(), advice=1)
    (step,) = graph.network.predecessors(one)
    for stranger in (99, step):
        with pytest.raises(KeyError):
            graph.apply(Less(), [stranger], 0)
    assert len(graph.network) == 2


def test_the_same_conclusion_twice_is_one_claim():
    """Two ways to one conclusion are two derivations of one claim, oldest first; one way twice is one derivation."""
    graph = ProofGraph()
    one, two = graph.apply(Given(), advice=1), graph.apply(Given(), advice=2)
    again = graph.apply(Sum(), [one, one])
    assert again == two
    assert steps(graph.derivations_of(two)) == [("given", (), two), ("sum", (one, one), two)]
    assert graph.apply(Sum(), [one, one]) == two
    assert len(graph.derivations_of(two)) == 2
    other_advice = graph.apply(Less(), [two], 0)
    assert (other_advice, len(graph.derivations_of(two))) == (two, 3)


def test_claims_of_different_kinds_are_different():
    """Equal identities of different kinds do not make one claim."""
    graph = ProofGraph()
    assert graph.apply(Given(), advice=1) != graph.apply(Count(), advice=1)


def test_proof_is_what_is_needed_and_premises_come_first():
    """The proof has one derivation per needed claim, none for others, each after its premises."""
    graph = ProofGraph()
    one, unused = graph.apply(Given(), advice=1), graph.apply(Given(), advice=50)
    two = graph.apply(Sum(), [one, one])
    three = graph.apply(Sum(), [two, one])
    graph.apply(Given(), advice=3)
    proof = graph.proof(three)
    assert steps(proof) == [("given", (), one), ("sum", (one, one), two), ("sum", (two, one), three)]
    assert unused not in {step.claim for step in proof}
    assert steps(graph.proof(one)) == [("given", (), one)]


def carried(graph, goal):
    """The rules that a certificate names, in order."""
    return [step.rule for step in graph.steps(goal)]


class Proven(Even):
    """An even number that shows itself."""

    kind = "proven"

    def shown(self):
        return Shown("halves/1", (Natural(self.half),), lambda: {"half": hex(self.half)})


class Guess(Small):
    """From any even number to a number that shows itself."""

    name, premises, certifiable = "guess", (Even,), False

    def conclude(self, premises, advice):
        return Proven(advice)


class Doubt(Guess):
    name, conditional = "doubt", True


def test_what_shows_itself_needs_nothing_of_its_proof():
    """A certificate shows such a claim from what it rests on itself; nothing of how it was found is in it."""
    graph = ProofGraph()
    graph.apply(Count(), advice=7)
    seven = graph.apply(Guess(), [graph.apply(Oracle(), advice=3)], 7)
    assert [step.rule.name for step in graph.proof(seven)] == ["oracle", "guess"]
    assert carried(graph, seven) == ["count/1", "halves/1"]
    steps = graph.steps(seven)
    assert steps is not None and steps[-1].encode() == {"half": "0x7"}


def test_what_is_assumed_does_not_show_itself():
    """A claim that rests on an assumption alone may be false: it gets no certificate, though it could be tried."""
    graph = ProofGraph()
    graph.apply(Count(), advice=7)
    seven = graph.apply(Doubt(), [graph.apply(Given(), advice=3)], 7)
    assert graph.steps(seven) is None and not graph.is_certifiable(seven)


def test_certifiable_proof_avoids_oracles():
    """A certificate's proof takes the oldest derivation that it can carry; the plain one takes the oldest."""
    graph = ProofGraph()
    one = graph.apply(Oracle(), advice=1)
    four = graph.apply(Oracle(), advice=4)
    graph.apply(Given(), advice=4)
    three = graph.apply(Less(), [four], 1)
    assert [step.rule.name for step in graph.proof(three)] == ["oracle", "less"]
    assert carried(graph, three) == ["given/1", "less/3"]
    assert graph.steps(one) is None


def test_certifiable_proof_is_found_behind_a_dead_end():
    """A derivation from an oracle's claim does not hide a later derivation without oracles."""
    graph = ProofGraph()
    nine = graph.apply(Oracle(), advice=9)
    goal = graph.apply(Less(), [nine], 4)
    graph.apply(Given(), advice=5)
    assert carried(graph, goal) == ["given/1"]


def test_assumptions_are_used_only_where_nothing_else_proves_it():
    """A proof without assumptions is preferred however young; what has none says so, and gets no certificate."""
    graph = ProofGraph()
    four = graph.apply(Assumed(), advice=4)
    goal = graph.apply(Less(), [four], 1)
    assert graph.is_conditional(goal)
    assert [step.rule.name for step in graph.proof(goal)] == ["assumed", "less"]
    assert graph.steps(goal) is None
    graph.apply(Given(), advice=4)
    assert not graph.is_conditional(goal)
    assert [step.rule.name for step in graph.proof(goal)] == ["given", "less"]
    assert carried(graph, goal) == ["given/1", "less/3"]


def test_find_knows_what_is_proved_here():
    """A claim is found under its id when it has been concluded, by content and kind, and not when it is merely true."""
    graph = ProofGraph()
    one = graph.apply(Given(), advice=1)
    assert graph.find(Even(1)) == one
    assert graph.find(Even(2)) is graph.find(Natural(1)) is None


def test_claims_that_imply_each_other():
    """Derivations in a circle prove nothing by themselves, and do no harm to those that stand on the ground."""
    graph = ProofGraph()
    five = graph.apply(Oracle(), advice=5)
    three = graph.apply(Less(), [five], 2)
    two = graph.apply(Given(), advice=2)
    graph.apply(Sum(), [three, two])
    assert len(list(graph.derivations())) == 4
    assert [step.rule.name for step in graph.proof(five)] == ["oracle"]
    assert graph.steps(five) is None
    assert steps(graph.replay().derivations()) == steps(graph.derivations())
    graph.apply(Given(), advice=3)
    assert carried(graph, five) == ["given/1", "given/1", "sum/1"]


def test_long_chains():
    """A proof of thousands of steps is a list, not a recursion."""
    graph = ProofGraph()
    claim = unit = graph.apply(Given(), advice=1)
    for _ in range(1200):
        claim = graph.apply(Sum(), [claim, unit])
    assert len(graph.proof(claim)) == 1201


def test_replay_gives_every_conclusion_again():
    """Running all derivations again from the rules alone gives an equal graph, with the same ids."""
    graph = ProofGraph()
    one, three = graph.apply(Given(), advice=1), graph.apply(Oracle(), advice=3)
    two = graph.apply(Less(), [three], 1)
    graph.apply(Sum(), [one, one])
    fresh = graph.replay()
    assert fresh is not graph
    assert steps(fresh.derivations()) == steps(graph.derivations())
    assert all(fresh.claim(claim) == graph.claim(claim) for claim in (one, two, three))


def test_replay_detects_a_rule_that_says_something_else():
    """A rule whose conclusion depends on more than premises and advice is found out."""
    graph = ProofGraph()
    graph.apply(Drift())
    with pytest.raises(NotEstablished, match="drift/1: not established: replaying it gives another conclusion"):
        graph.replay()


def test_replay_detects_another_kind():
    """The same identity of another kind is another conclusion."""
    Turn.kinds[:] = [Even, Natural]
    graph = ProofGraph()
    graph.apply(Turn())
    with pytest.raises(NotEstablished, match="another conclusion"):
        graph.replay()


def test_replay_detects_a_planted_conclusion():
    """A claim exchanged for a stronger one after it was derived does not come out again."""
    graph = ProofGraph()
    one = graph.apply(Given(), advice=1)
    graph.network.nodes[one]["claim"] = Even(1000)
    with pytest.raises(NotEstablished, match="another conclusion"):
        graph.replay()


def test_a_planted_claim_is_no_proof():
    """A claim put in by hand has no derivation: neither it nor what follows from it has a proof."""
    graph = ProofGraph()
    graph.apply(Given(), advice=1)
    graph.network.add_node(77, claim=Even(77))
    consequence = graph.apply(Less(), [77], 7)
    for goal in (77, consequence):
        with pytest.raises(NotEstablished):
            graph.proof(goal)
    with pytest.raises(NotEstablished, match="no derivation"):
        graph.replay()


def test_only_apply_adds():
    """No other public method leaves the graph with more or fewer nodes than before."""
    graph = ProofGraph()
    one = graph.apply(Given(), advice=1)
    graph.apply(Less(), [one], 0)
    calls = {
        "claim": lambda: graph.claim(one),
        "find": lambda: (graph.find(Even(1)), graph.find(Even(2))),
        "is_conditional": lambda: graph.is_conditional(one),
        "is_certifiable": lambda: graph.is_certifiable(one),
        "derivations_of": lambda: graph.derivations_of(one),
        "derivations": lambda: list(graph.derivations()),
        "proof": lambda: graph.proof(one),
        "steps": lambda: graph.steps(one),
        "replay": lambda: graph.replay(),
    }
    assert calls.keys() | {"apply"} == {name for name in vars(ProofGraph) if not name.startswith("_")}
    before = (set(graph.network.nodes), set(graph.network.edges))
    for call in calls.values():
        call()
    assert (set(graph.network.nodes), set(graph.network.edges)) == before


def test_rules_are_equal_by_type_and_cited_with_version():
    """Two instances of a rule are one rule; certificates cite it with its version."""
    assert Sum() == Sum() != Given()
    assert hash(Sum()) == hash(Sum())
    assert (Sum().tag, Less().tag) == ("sum/1", "less/3")
    assert Sum().encode(None) == {}
