"""Planted flips, ties and open comparisons, through everything that a program can do with them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from mechproof.audits.program.markers import advice, certified, heuristic, norm_claim, stands_for
from mechproof.audits.program.passes import NoSuchResult
from mechproof.audits.program.record import Kind
from mechproof.audits.program.report import as_json, lines
from mechproof.audits.program.verdict import Verdict, assert_bound_holds, audit, auditing

BIG = 2.0**24
W = torch.full((3,), BIG)


def ones(w):
    """0 in float32, exactly 1."""
    return w + 1.0 - BIG


def filled(w):
    found = torch.zeros(3)
    found.masked_fill_(ones(w) > 0.5, 1.0)
    return found.sum()


def written(w):
    found = torch.zeros(3)
    found[ones(w) > 0.5] = 1.0
    return found.sum()


def asserted(w):
    assert (ones(w) < 0.5).all()
    return torch.tensor(3)


CONSUMERS = {
    "if": lambda w: torch.tensor(3) if ones(w)[0] > 0.5 else torch.tensor(0),
    "where": lambda w: torch.where(ones(w) > 0.5, 1.0, 0.0).sum(),
    "masked_fill_": filled,
    "assignment": written,
    "mask as index": lambda w: w[ones(w) > 0.5].sum() / BIG,
    "size of a masked part": lambda w: w[ones(w) > 0.5].size(0),
    "sum of a mask": lambda w: (ones(w) > 0.5).sum(),
    "item of a count": lambda w: (ones(w) > 0.5).sum().item(),
    "Python sum and int": lambda w: sum(int(x > 0.5) for x in ones(w)),
    "Python max": lambda w: 3 * max(ones(w)[0].item(), 0.0),
    "Python min": lambda w: 3 - 3 * min(1 - ones(w)[0].item(), 1.0),
    "max of tensors": lambda w: 3 * max(ones(w)[0], torch.tensor(0.0)),
    "argmax": lambda w: torch.cat([torch.tensor([0.5]), ones(w)]).argmax() * 3,
    "places of max": lambda w: torch.cat([torch.tensor([0.5]), ones(w)]).max(0).indices * 3,
    "order": lambda w: torch.cat([torch.tensor([0.5]), ones(w)]).sort().indices[-1] // 3 * 3 + 0 * w.sum().long(),
    "first of the order": lambda w: torch.cat([torch.tensor([0.5]), ones(w)]).topk(1).indices.clamp(max=1) * 3,
    "any": lambda w: (ones(w) > 0.5).any() * 3,
    "places": lambda w: (ones(w) > 0.5).nonzero().size(0),
    "logic": lambda w: ((ones(w) > 0.5) & ~(ones(w) < 0.5)).sum(),
    "whole numbers": lambda w: ones(w).long().sum(),
    "tolist": lambda w: sum(ones(w).tolist()),
    "a number that comes back": lambda w: torch.zeros(3).add(ones(w)[0].item()).sum(),
    "comparison of a number": lambda w: 3 if ones(w)[0].item() > 0.5 else 0,
}


@pytest.mark.parametrize("name", CONSUMERS)
def test_a_flip_is_followed(name):
    """0 in floats and 3 in exact arithmetic: an upper bound of 0 is not implied, 3 is."""
    report = audit(CONSUMERS[name], W, upper="")
    assert (report.claimed, report.low, report.high) == (0.0, 3.0, 3.0), report.sentence()
    assert report.verdict is Verdict.widened and report.bound == 3.0
    assert audit(CONSUMERS[name], W, lower="").verdict is Verdict.holds


def test_an_assertion_that_fails_exactly():
    """It holds in floats only."""
    report = audit(asserted, W, lower="")
    assert report.verdict is Verdict.not_implied and "assertion" in report.sentence()


def test_flips_name_their_line():
    """With the float, what it is exactly, and the index."""
    report = audit(filled, W, upper="")
    (flip,) = [finding for finding in report.findings if finding.kind is Kind.flip]
    assert flip.place.source == "found.masked_fill_(ones(w) > 0.5, 1.0)"
    assert flip.count == 3 and flip.example == "0 (exactly 1) gt 0.5 (exactly 0.5) at (0,)"
    assert flip.stack[0].function == "filled"


def root_squared(w):
    return w.double().sqrt() ** 2


OPEN = {
    "where": (lambda w: torch.where(root_squared(w) > w, 2.0, 1.0).sum(), Verdict.widened, (2.0, 4.0)),
    "masked_fill": (lambda w: torch.ones(2).masked_fill(root_squared(w) > w, 3.0).sum(), Verdict.widened, (2.0, 6.0)),
    "count": (lambda w: (root_squared(w) <= w).sum(), Verdict.widened, (0.0, 2.0)),
    "certified count": (lambda w: certified(root_squared(w) <= w).sum(), Verdict.widened, (0.0, 0.0)),
    "if": (lambda w: w.sum() if root_squared(w)[0] <= w[0] else 0 * w.sum(), Verdict.not_implied, None),
    "certified if": (
        lambda w: w.sum() if certified(root_squared(w) > w)[0] else 0 * w.sum(),
        Verdict.holds,
        (0.0, 0.0),
    ),
    "size": (lambda w: w[root_squared(w) <= w].size(0), Verdict.not_implied, None),
    "count in Python": (lambda w: (root_squared(w) <= w).sum().item(), Verdict.not_implied, None),
    "choice": (lambda w: w[torch.stack([root_squared(w)[0], w[0].double()]).argmax()], Verdict.not_implied, None),
    "opposite": (lambda w: (~(root_squared(w) > w)).sum(), Verdict.widened, (0.0, 2.0)),
    "all": (lambda w: (root_squared(w) <= w).all() * 1, Verdict.widened, (0.0, 1.0)),
}


@pytest.mark.parametrize("name", OPEN)
def test_an_open_comparison_stays_open(name):
    """The square of the root of 2 and 2: no precision decides it.  A mask gives both answers, an if leaves it open."""
    program, verdict, ends = OPEN[name]
    report = audit(program, torch.tensor([2.0, 3.0]), lower="")
    assert report.verdict is verdict, report.sentence()
    if ends is not None:
        assert (report.low, report.high) == pytest.approx(ends, abs=1e-7)
        assert report.low <= ends[0] and ends[1] <= report.high


@pytest.mark.parametrize(
    "program",
    [
        lambda w: (w / 3 <= w / 3).sum(),
        lambda w: ((w + 1) / 3 <= w.double() / 3 + 1 / torch.tensor(3.0, dtype=torch.float64)).sum(),
        lambda w: (w / 7 - (w / 7)[0] <= 0).sum(),
    ],
)
def test_exact_ties_are_decided(program):
    """In rationals, or because both sides are the same number."""
    report = audit(program, torch.full((3,), 5.0), lower="")
    assert report.verdict is Verdict.holds and report.low == 3.0


def test_a_difference_with_itself_is_zero():
    """Centring keeps no width: a pivot minus itself is the number 0, through views, copies and largest entries."""
    machine_entries = []
    with auditing() as run:
        table = torch.tensor([[1.0, 2.0], [3.0, 5.0]]) / 3
        for value in (table - table, table - table.clone(), (table - table[:, 1:])[:, 1], table.max() - table[1, 1]):
            machine_entries.append(run.bounds(value))
    assert all((low == 0).all() and (high == 0).all() for low, high in machine_entries)


@pytest.mark.parametrize(
    ("program", "word"),
    [
        (lambda w: torch.tensor(float(w.sum())), "escape"),
        (lambda w: torch.from_numpy(w.numpy() + 1).sum(), "escape"),
        (lambda w: torch.full((2,), w[0]).sum(), "escape"),
        (lambda w: torch.linalg.svdvals(w[None]).sum(), "nothing is known"),
        (lambda w: (w / 0).sum(), "nothing is known"),
        (lambda w: w.sum() if not (w / 0 - w / 0).max() <= 1 else 0 * w.sum(), "condition"),
    ],
)
def test_what_is_not_followed_is_not_implied(program, word):
    """Escapes, unclaimed singular values, and what is no number in exact arithmetic, in both polarities."""
    report = audit(program, W, lower="")
    assert report.verdict is Verdict.not_implied and word in report.sentence()


def test_markers_are_nothing_outside():
    """They return their argument."""
    x = torch.tensor([1.0])
    assert certified(x) is x and advice(x) is x and norm_claim(x, x) is x
    with heuristic():
        assert stands_for(torch.sum, side="below")(lambda t: t.sum() - 1)(x) == 0


def test_advice_is_exact_as_it_stands():
    """A direction that a search found, however it was computed."""

    def program(w):
        with heuristic():
            direction = torch.from_numpy(w.numpy() / 3)
        return (advice(w / 3) - direction).sum()

    report = audit(program, W, lower="")
    assert report.verdict is Verdict.holds and (report.low, report.high) == (0.0, 0.0)


def test_norm_claims():
    """A singular value that someone claims to be the norm is enclosed."""
    matrix = torch.tensor([[3.0, 0.0], [0.0, 4.0]])
    report = audit(lambda m: norm_claim(torch.linalg.svdvals(m)[0], m), matrix, upper="")
    assert abs(report.high - 4.0) < 1e-12 and report.verdict in (Verdict.holds, Verdict.widened)


def test_directed_helpers_are_checked():
    """Each call, against the real function: one that is on the wrong side is an assertion that fails."""

    @stands_for(torch.sum)
    def sum_dn(x):
        return torch.nextafter(x.sum(), torch.tensor(-torch.inf))

    @stands_for(torch.sum)
    def sum_up(x):
        return x.sum()

    assert audit(sum_dn, torch.full((3,), 0.1), lower="").verdict is Verdict.holds
    assert audit(sum_up, torch.full((3,), 0.1), upper="").verdict is Verdict.holds
    assert audit(sum_up, torch.tensor([1.0, 2.0**-30]), upper="").verdict is Verdict.not_implied


def test_false_needs_a_truth():
    """What the user's own evaluator contradicts exactly."""
    third = torch.tensor(1.0) / 3
    report = audit(lambda: third, lower="", truth=lambda: Fraction(1, 3))
    assert report.verdict is Verdict.false
    assert audit(lambda: third, upper="", truth=lambda: Fraction(1, 3)).verdict is Verdict.holds


def test_the_argument_is_not_examined():
    """Every report says so; a wrong theorem passes."""
    report = audit(lambda w: w.mean() * 0 + 7, W, lower="")
    assert report.verdict is Verdict.holds and report.exactly().endswith(
        "Whether its argument is right is not examined."
    )


def test_programs_that_change_are_found_out():
    """A second run that returns something else is no run of the same program."""
    counter = [0.0]

    def program():
        counter[0] += 1
        return torch.tensor(counter[0])

    assert "does not always compute the same" in audit(program, lower="").sentence()
    assert audit(lambda: torch.rand(1), lower="").verdict is Verdict.holds  # seeds are set back


def test_assert_bound_holds():
    """For tests of one's own."""
    assert assert_bound_holds(lambda w: w.amin(), W, lower="").implied
    with pytest.raises(AssertionError, match=r"HOLDS AFTER WIDENING(.|\n)*flip at test_verdicts"):
        assert_bound_holds(filled, W, upper="")


@pytest.mark.parametrize(
    ("path", "word"), [("b", "expected b"), ("a.3", "expected 3"), ("", "one number"), ("a", "one number")]
)
def test_a_path_that_leads_nowhere(path, word):
    """One sentence."""
    with pytest.raises(NoSuchResult, match=word):
        audit(lambda w: {"a": w}, W, lower=path)


def test_numbers_of_results():
    """Keys, attributes and places."""
    assert audit(lambda w: {"a": [w, (w.sum(), 3)]}, W, lower="a.1.0").claimed == 3 * BIG
    assert audit(lambda w: w.max(0), W, lower="values").claimed == BIG


def test_blame_by_rerun():
    """One line alone in floats, all others exact: the one that cancels is named, those that are exact move nothing."""

    def program(w):
        third = w / 3
        large = third + 2.0**20
        small = large - 2.0**20
        return small.sum()

    report = audit(program, torch.ones(4), lower="", blame=True)
    (worst, moved), *others = report.blame
    assert worst.source == "large = third + 2.0**20" and 1e-3 < moved < 1
    assert {place.source: size for place, size in others}["small = large - 2.0**20"] < 1e-6 * moved
    assert audit(program, torch.ones(4), lower="").blame == ()


def test_comparisons_with_nothing_are_told():
    """max(NaN) <= tol is false in floats, and nothing is known of it: certified, it is false; a condition is open."""

    def certain(w):
        gap = (w - w) / (w - w)
        return certified(gap <= 1).sum()

    def condition(w):
        return w.sum() if ((w - w) / (w - w)).max() <= 1 else w.sum() * 0

    report = audit(certain, torch.ones(3), lower="")
    assert report.verdict is Verdict.holds and any(one.kind is Kind.nan_polarity for one in report.findings)
    report = audit(condition, torch.ones(3), lower="")
    assert report.verdict is Verdict.not_implied and any(one.kind is Kind.nan_polarity for one in report.findings)


def test_a_program_too_short_for_the_clock():
    """No ratio of times, in the lines and in the data, instead of a division by zero."""
    told = replace(audit(lambda w: w.sum(), torch.ones(3), lower=""), seconds=(0.0, 0.01))
    assert "the program's time is too short to tell" in "\n".join(lines(told))
    assert as_json(told)["overhead"] is None
