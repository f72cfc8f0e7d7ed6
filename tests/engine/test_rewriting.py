"""Patterns, positions, single rewrites, chains and saturation."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from mechproof.engine.equality import (
    Application,
    Chain,
    Equal,
    Expansion,
    Move,
    NamedStep,
    Script,
    Step,
    Symmetry,
)
from mechproof.engine.explain import equation_lines
from mechproof.engine.graph import ProofGraph
from mechproof.engine.network_terms import MaskedSoftmax, Normalised, Pointwise, Selection
from mechproof.engine.normal_form import normalised, same_words
from mechproof.engine.rewriting import OnesOf, Rewrite, metas, positions, replaced, subterm
from mechproof.engine.rule import NotEstablished
from mechproof.engine.term import Named, Ones, Tensor
from mechproof.rewrites.equations import TABLE, UNFOLD, UnitRowSums, Zero, rules
from mechproof.rewrites.rules.selection import SelectionRows

A, B = Tensor("A", (2, 3)), Tensor("B", (2, 3))
C, D = Tensor("C", (3, 4)), Tensor("D", (3, 4))
S, ROW = Selection((0, 1), 5), Tensor("w", (1, 4))


a, b = metas("a b")
SPLIT = Rewrite("split", "a: n×m, b: n×m", a, b + (a - b))


def test_every_subterm_is_found_at_its_position():
    """Positions and subterms are inverse to each other, outermost first."""
    term = (A + B) @ C

    listed = list(positions(term))

    assert [position for position, _ in listed] == [(), (0,), (0, 0), (0, 1), (1,)]
    assert all(subterm(term, position) == part for position, part in listed)
    assert replaced(term, (0, 1), A) == (A + A) @ C


def test_replacing_by_another_shape_is_refused():
    """No rewrite can build an ill-shaped term."""
    with pytest.raises(ValueError, match="no product"):
        replaced(A @ C, (0,), Tensor("X", (2, 2)))


def test_a_repeated_metavariable_must_stand_for_one_term():
    """X + X does not match A + B."""
    (x,) = metas("x")
    double = Rewrite("double", "x: n×m", x + x, x)

    assert double.rewrite(A + B) is None
    assert double.rewrite(A + A) is not None


def test_declared_shapes_are_checked():
    """A rule for rows does not fire on a matrix, nor on ones of another size."""
    (r,) = metas("r")
    rule = Rewrite("outer", "r: 1×m", OnesOf("1") @ r, r)

    assert rule.rewrite(Ones(2) @ ROW) is None
    assert rule.rewrite(Ones(1) @ ROW) is not None


def test_abbreviations_are_opaque_until_unfolded():
    """Rewriting inside a name would change what the name means elsewhere."""
    short = Named("M", A + B)
    graph = ProofGraph()

    assert list(positions(short @ C)) == [((), short @ C), ((0,), short), ((1,), C)]
    claim = graph.apply(Step(UNFOLD), (), Application(short @ C, (0,)))
    assert graph.claim(claim) == Equal(short @ C, (A + B) @ C)
    with pytest.raises(NotEstablished, match="does not match"):
        graph.apply(Step(UNFOLD), (), Application(short @ C, (1,)))


def test_a_step_rewrites_at_its_position_and_nowhere_else():
    """The conclusion is the whole term with one part replaced."""
    graph = ProofGraph()
    term = A @ (C + D) + A @ (C + D)

    claim = graph.apply(Step(TABLE["expand-left"]), (), Application(term, (1,)))

    assert graph.claim(claim).right == A @ (C + D) + (A @ C + A @ D)


def test_a_step_that_does_not_match_is_refused():
    """Advice is not believed."""
    with pytest.raises(NotEstablished, match="does not match"):
        ProofGraph().apply(Step(TABLE["expand-left"]), (), Application(A @ C, ()))


def test_a_rule_reads_backwards_with_the_same_proof():
    """The opposite orientation of a rule is sound and available."""
    graph = ProofGraph()

    claim = graph.apply(Step(TABLE["expand-left"]), (), Application(A @ C + A @ D, (), backwards=True))

    assert graph.claim(claim).right == A @ (C + D)


def test_a_rule_that_needs_more_than_it_is_told_is_refused():
    """Backwards, row-outer would have to invent a size and an index; a split needs its part as advice."""
    graph = ProofGraph()
    for rule, backwards in ((TABLE["row-outer"], True), (SPLIT, False)):
        with pytest.raises(NotEstablished, match="does not match"):
            graph.apply(Step(rule), (), Application(ROW, (), backwards))

    told = Application(ROW, (), advice=(("b", Tensor("v", (1, 4))),))
    assert "v" in str(graph.claim(graph.apply(Step(SPLIT), (), told)).right)


def test_advice_of_the_wrong_shape_is_refused():
    """Shapes of advice are checked like all others."""
    with pytest.raises(NotEstablished, match="does not match"):
        ProofGraph().apply(Step(SPLIT), (), Application(ROW, (), advice=(("b", Tensor("v", (1, 5))),)))


def test_an_unproved_condition_keeps_a_rewrite_from_firing():
    """S 1 = 1 needs the claim that the rows of S sum to one, with a derivation."""
    graph, term = ProofGraph(), S @ Ones(5)

    assert graph.claim(normalised(graph, term, "total", rules("unit-total"))) == Equal(term, term)
    with pytest.raises(NotEstablished, match="premises"):
        graph.apply(Step(TABLE["unit-total"]), (), Application(term, ()))


def test_a_condition_on_another_term_does_not_help():
    """The premise must be the condition of this very match."""
    graph = ProofGraph()
    about_a_row = graph.apply(SelectionRows(), (), S.row(0))

    with pytest.raises(NotEstablished, match="condition is not the premise"):
        graph.apply(Step(TABLE["unit-total"]), [about_a_row], Application(S @ Ones(5), ()))


def test_a_proved_condition_is_listed_in_the_explanation():
    """The explanation of a conditional rewrite names the claim of its condition."""
    graph, term = ProofGraph(), S @ Ones(5)
    condition = graph.apply(SelectionRows(), (), S)

    claim = normalised(graph, term, "total", rules("unit-total"))

    assert graph.claim(claim) == Equal(term, Ones(2))
    (line,) = equation_lines(graph, claim)
    assert (line.name, line.rewrites, line.conditions) == ("total", (("unit-total", term, Ones(2)),), (condition,))
    assert graph.claim(condition) == UnitRowSums(S)


def test_what_was_found_for_a_term_is_used_only_where_the_same_is_known():
    """The same moves for the same term and the same conditions, in any graph; other conditions are searched again."""
    term = S @ Ones(5)

    def found(graph: ProofGraph, *known: Any) -> Any:
        for fact in known:
            graph.apply(SelectionRows(), (), fact)
        return graph.claim(normalised(graph, term, "total", rules("unit-total")))

    for _ in range(2):
        assert found(ProofGraph(), S) == Equal(term, Ones(2))
        assert found(ProofGraph(), S.row(0)) == Equal(term, term)
    graph = ProofGraph()
    assert [found(graph), found(graph, S)] == [Equal(term, term), Equal(term, Ones(2))]
    graph.replay()


def test_the_selection_rule_knows_selections_only():
    """Nobody gets unit row sums for an arbitrary matrix."""
    with pytest.raises(NotEstablished, match="not the selection"):
        ProofGraph().apply(SelectionRows(), (), A)


def test_chains_and_symmetry_fit_or_are_refused():
    """Transitivity needs one middle term."""
    graph = ProofGraph()
    first = graph.apply(Expansion(), (), (A + B, B + A))
    second = graph.apply(Step(TABLE["expand-left"]), (), Application(A @ (C + D), ()))

    assert graph.claim(graph.apply(Symmetry(), [first])) == Equal(B + A, A + B)
    with pytest.raises(NotEstablished, match="is not"):
        graph.apply(Chain(), [first, second])


def test_expansion_refuses_different_terms():
    """Equal by words or not at all."""
    graph = ProofGraph()

    assert graph.claim(graph.apply(Expansion(), (), (A + B, B + A))).right == B + A
    with pytest.raises(NotEstablished, match="same words"):
        graph.apply(Expansion(), (), (A + B, A - B))


def test_an_explanation_reads_from_left_to_right():
    """Steps that were derived from the other end are read backwards, rewrite by rewrite."""
    graph = ProofGraph()
    left, right = (A + B) @ (C + D), A @ (C + D) + B @ (C + D)
    steps = [normalised(graph, term, "multiply out", rules("expand-left", "expand-right")) for term in (left, right)]

    claim = same_words(graph, *steps)

    assert graph.claim(claim) == Equal(left, right)
    first, middle, last = equation_lines(graph, claim)
    assert (first.name, first.backwards, middle.name) == ("multiply out", False, "expansion")
    assert last.backwards and last.term == right
    assert [entry for entry, _, _ in last.rewrites] == ["expand-left", "expand-left"]
    assert last.rewrites[-1][1:] == (A @ C + A @ D, A @ (C + D))


def test_a_named_step_is_one_derivation_whose_rewrites_are_replayed():
    """The graph holds the script, and replaying it runs every rewrite."""
    graph, term = ProofGraph(), (A + B) @ (C + D)

    claim = normalised(graph, term, "multiply out", rules("expand-left", "expand-right"))

    (derivation,) = graph.derivations()
    assert [move.entry.name for move in derivation.advice.moves] == ["expand-left", "expand-right", "expand-right"]
    assert graph.claim(claim).right == A @ C + B @ C + (A @ D + B @ D)
    assert graph.replay().find(graph.claim(claim)) is not None


@pytest.mark.parametrize("change", ["entry", "position", "term"])
def test_a_script_is_not_believed(change):
    """A move that does not match where it says is refused, whatever came before it."""
    entry, other = TABLE["expand-left"], TABLE["turn-sum"]
    script = Script("step", A @ (C + D), (Move(entry, ()),))
    wrong = {
        "entry": replace(script, moves=(Move(other, ()),)),
        "position": replace(script, moves=(Move(entry, (0,)),)),
        "term": replace(script, term=A @ C),
    }[change]

    assert ProofGraph().apply(NamedStep(0), (), script) == 0
    with pytest.raises(NotEstablished, match="does not match"):
        ProofGraph().apply(NamedStep(0), (), wrong)


def test_a_script_does_not_find_its_conditions_by_itself():
    """A conditional entry in a named step needs the claim as a premise, and the right one."""
    graph, script = ProofGraph(), Script("step", S @ Ones(5), (Move(TABLE["unit-total"], ()),))
    whole, row = (graph.apply(SelectionRows(), (), term) for term in (S, S.row(0)))

    for given in ([], [row]):
        with pytest.raises(NotEstablished, match="condition is not the premise"):
            graph.apply(NamedStep(len(given)), given, script)
    assert graph.claim(graph.apply(NamedStep(2), [row, whole], script)) == Equal(S @ Ones(5), Ones(2))


def test_rules_that_circle_are_named():
    """A search that does not end says so."""
    swap = Rewrite("swap", "a: n×m, b: n×m", a + b, b + a)
    with pytest.raises(NotEstablished, match="none after 20 rewrites"):
        normalised(ProofGraph(), A + B, "swap", (swap,), limit=20)


def test_the_last_row_is_not_another():
    """What a causal softmax lets the last row see, no other row sees."""
    rule, scores = TABLE["last-sees-all"], Tensor("s", (2, 2))
    seen = MaskedSoftmax(scores, Fraction(1), 1, causal=True)

    assert rule.rewrite(seen.row(0)) is None
    assert rule.rewrite(MaskedSoftmax(scores, Fraction(1), 1, causal=False).row(1)) is None
    found = rule.rewrite(seen.row(1))
    assert found is not None and found.term == MaskedSoftmax(scores.row(1), Fraction(1), 1, causal=False)


def test_settings_come_along():
    """A rewritten softmax keeps its scale, a norm its epsilon."""
    body = Tensor("s", (2, 2))
    for name, term in (
        ("row-softmax", MaskedSoftmax(body, Fraction(1, 3), 7, causal=False)),
        ("row-norm", Normalised(body, True, Fraction(1, 8))),
        ("row-pointwise", Pointwise(body, "gelu")),
    ):
        found = TABLE[name].rewrite(term.row(0))
        assert found is not None and found.term == term.with_part(0, body.row(0))


def test_zero_and_unit_claims_about_one_term_differ():
    """Two conditions on the same term are two claims."""
    graph = ProofGraph()
    graph.apply(SelectionRows(), (), S)

    assert graph.find(UnitRowSums(S)) is not None
    assert graph.find(Zero(S)) is None
