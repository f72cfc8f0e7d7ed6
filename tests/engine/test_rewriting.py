"""Patterns, positions, single rewrites, chains and saturation."""

from __future__ import annotations

import pytest

from mechproof.engine.equality import (
    Application,
    Budget,
    Chain,
    Equal,
    Expansion,
    Step,
    Symmetry,
    Unfold,
    normalise,
    saturate,
)
from mechproof.engine.explain import equation_lines
from mechproof.engine.graph import ProofGraph
from mechproof.engine.rewriting import OnesOf, Rewrite, metas, positions, replaced, subterm
from mechproof.engine.rule import NotEstablished
from mechproof.engine.term import Named, Ones, Tensor
from mechproof.rewrites.equations import TABLE, UnitRowSums, Zero, rules
from mechproof.rewrites.rules.selection import SelectionRows

A, B = Tensor("A", (2, 3)), Tensor("B", (2, 3))
C, D = Tensor("C", (3, 4)), Tensor("D", (3, 4))
S, ROW = Tensor("S", (2, 5)), Tensor("w", (1, 4))


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
    claim = graph.apply(Unfold(), (), Application(short @ C, (0,)))
    assert graph.claim(claim) == Equal(short @ C, (A + B) @ C)
    with pytest.raises(NotEstablished, match="not an abbreviation"):
        graph.apply(Unfold(), (), Application(short @ C, (1,)))


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
    """Backwards, row-outer would have to invent a size and an index; mean-rest needs the row as advice."""
    graph = ProofGraph()
    for name, backwards in (("row-outer", True), ("mean-rest", False)):
        with pytest.raises(NotEstablished, match="does not match"):
            graph.apply(Step(TABLE[name]), (), Application(ROW, (), backwards))

    told = Application(ROW, (), advice=(("r", Tensor("v", (1, 4))),))
    assert "v" in str(graph.claim(graph.apply(Step(TABLE["mean-rest"]), (), told)).right)


def test_advice_of_the_wrong_shape_is_refused():
    """Shapes of advice are checked like all others."""
    with pytest.raises(NotEstablished, match="does not match"):
        ProofGraph().apply(Step(TABLE["mean-rest"]), (), Application(ROW, (), advice=(("r", Tensor("v", (1, 5))),)))


def test_an_unproved_condition_keeps_a_rewrite_from_firing():
    """S 1 = 1 needs the claim that the rows of S sum to one, with a derivation."""
    graph, term = ProofGraph(), S @ Ones(5)

    assert normalise(graph, term, rules("select-total")) == (term, None)
    with pytest.raises(NotEstablished, match="premises"):
        graph.apply(Step(TABLE["select-total"]), (), Application(term, ()))


def test_a_condition_on_another_term_does_not_help():
    """The premise must be the condition of this very match."""
    graph = ProofGraph()
    about_a_row = graph.apply(SelectionRows(), (), S.row(0))

    with pytest.raises(NotEstablished, match="condition is not the premise"):
        graph.apply(Step(TABLE["select-total"]), [about_a_row], Application(S @ Ones(5), ()))


def test_a_proved_condition_is_listed_in_the_explanation():
    """The explanation of a conditional rewrite names the claim of its condition."""
    graph, term = ProofGraph(), S @ Ones(5)
    condition = graph.apply(SelectionRows(), (), S)

    result, claim = normalise(graph, term, rules("select-total"))

    assert result == Ones(2) and claim is not None
    (line,) = equation_lines(graph, claim)
    assert (line.rule, line.conditions) == ("select-total", (condition,))
    assert graph.claim(condition) == UnitRowSums(S)


def test_the_selection_rule_knows_selections_only():
    """Nobody gets unit row sums for an arbitrary matrix."""
    with pytest.raises(NotEstablished, match="not the selection"):
        ProofGraph().apply(SelectionRows(), (), A)


def test_chains_and_symmetry_fit_or_are_refused():
    """Transitivity needs one middle term."""
    graph = ProofGraph()
    first = graph.apply(Step(TABLE["swap"]), (), Application(A + B, ()))
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


def test_an_explanation_has_one_rewrite_a_line_and_ends_at_the_right_side():
    """The flat explanation of a chain reads from the left side to the right side."""
    graph = ProofGraph()
    term = (A + B) @ (C + D)

    result, claim = normalise(graph, term, rules("expand-left", "expand-right"))

    assert claim is not None
    lines = equation_lines(graph, claim)
    assert [line.rule for line in lines] == ["expand-left", "expand-right", "expand-right"]
    assert lines[-1].term == str(result)


def test_rules_that_circle_end_in_saturation_and_raise_in_normalising():
    """Cycles among equations are harmless where they are expected, and named where they are not."""
    graph = ProofGraph()

    found = saturate(graph, A + B + A, rules("swap", "regroup"), Budget(terms=50))

    assert found.complete
    # all bracketings reachable by these two rules, every order of three summands of which two are equal
    assert {A + B + A, A + (A + B), A + (B + A), B + A + A, A + A + B} <= set(found.reached)
    with pytest.raises(NotEstablished, match="no normal form"):
        normalise(graph, A + B, rules("swap"), limit=20)


def test_saturation_keeps_to_its_budget_and_to_one_order():
    """Equal input, equal output; what was cut short says so."""
    runs = []
    for _ in range(2):
        found = saturate(ProofGraph(), A + B + A + B, rules("swap", "regroup"), Budget(terms=7))
        assert not found.complete and len(found.reached) == 7
        runs.append([str(term) for term in found.reached])

    assert runs[0] == runs[1]


def test_all_terms_of_a_saturation_are_proved_equal_to_the_start():
    """Each reached term carries an equation whose replay gives the same."""
    graph = ProofGraph()
    found = saturate(graph, A @ (C + D), rules("expand-left", "swap"), Budget())

    replayed = graph.replay()

    for term, claim in found.reached.items():
        assert graph.claim(claim) == Equal(found.start, term)
        assert replayed.find(Equal(found.start, term)) is not None


def test_zero_and_unit_claims_about_one_term_differ():
    """Two conditions on the same term are two claims."""
    graph = ProofGraph()
    graph.apply(SelectionRows(), (), S)

    assert graph.find(UnitRowSums(S)) is not None
    assert graph.find(Zero(S)) is None
