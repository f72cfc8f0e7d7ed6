"""Sentences about running sums: what follows holds by enumeration, for true numbers and looser ones; better ones are
assumptions."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from box_networks import statement
from running_sums import summing

from mechproof.engine.rule import NotEstablished
from mechproof.explanations.families.running_sum import KINDS, RunningSum, read
from mechproof.explanations.sentence import Sentence
from mechproof.rewrites.enumeration import decide
from mechproof.rewrites.proof import Proof

PLAIN = {kind.key: Sentence(kind, kind.key) for kind in KINDS}


def stated(reading: RunningSum, factor: Fraction) -> dict[str, Sentence]:
    """Every sentence with so many times its true number."""
    found = {}
    for key, sentence in PLAIN.items():
        ((name, true),) = reading.truth(sentence).numbers.items()
        assert true is not None
        found[key] = sentence.with_number(name, true * factor)
    return found


def test_what_follows_is_right_by_enumeration_and_falls_with_looser_numbers(tmp_path: Path) -> None:
    """Networks with some bend and heat: true numbers show less than is right, looser ones less again."""
    shown = set()
    for bend, heat in ((0, 0), (0.25, 0), (0, 0.0625), (0.125, 0.03125)):
        known = statement(summing(bend, heat), "running-sum-sign", tmp_path)
        reading = read(known, False)
        lows = [reading.follows(said).low for said in (PLAIN, *(stated(reading, Fraction(f)) for f in (1, 2, 64)))]
        assert lows == sorted(lows, reverse=True)
        assert lows[0] <= decide(known.network, known.task).right
        shown.add(lows[0])
    assert len(shown) > 1 and max(shown) > 0


def test_better_numbers_are_assumptions(tmp_path: Path) -> None:
    """Refused, or CONDITIONAL; and they show more than the true ones."""
    known = statement(summing(0.25, 0.0625), "running-sum-sign", tmp_path)
    reading = read(known, False)
    better = stated(reading, Fraction(1, 2))
    for key in PLAIN:
        with pytest.raises(NotEstablished, match="smaller than the true one"):
            reading.follows({**PLAIN, key: better[key]})
    supposed = read(known, False).follows(better, assumed=True)
    assert supposed.goal is not None and supposed.low >= reading.follows(PLAIN).low
    assert Proof("net", supposed.graph, supposed.goal).status == "CONDITIONAL"


def test_a_lie_shows_what_is_not_so(tmp_path: Path) -> None:
    """A network that is wrong, with every number assumed to be 0: more is shown than is right."""
    known = statement(summing(0, 2), "running-sum-sign", tmp_path)
    reading = read(known, False)
    ideal = {key: s.with_number(s.kind.numbers[0].name, Fraction(0)) for key, s in PLAIN.items()}
    right = decide(known.network, known.task).right
    assert reading.follows(PLAIN).low <= right < reading.follows(ideal, assumed=True).low


def test_without_one_sentence_nothing_follows(tmp_path: Path) -> None:
    """All three are needed, and other tasks have no such sentences."""
    known = statement(summing(0, 0), "running-sum-sign", tmp_path)
    for key in PLAIN:
        rest = {other: sentence for other, sentence in PLAIN.items() if other != key}
        found = read(known, False).follows(rest)
        assert (found.low, found.goal, found.missing) == (0, None, (key,))
    with pytest.raises(NotEstablished, match="the task is"):
        read(statement(summing(0, 0), "expression: max(t)", tmp_path), False)
