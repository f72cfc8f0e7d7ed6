"""`mechproof lemma test`: a user's lemma, its instances, and what can be wrong with the file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import mechproof
from mechproof.__main__ import main
from mechproof.engine.graph import ProofGraph
from mechproof.engine.rule import NotEstablished
from mechproof.models import zoo
from mechproof.rewrites.lemma_file import NotALemmaFile, examine_file
from mechproof.rewrites.proof import Proof
from mechproof.rewrites.rules.accuracy import AccuracyFromCount

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "position_mixture.py"
HEAD = """
import random
from mechproof.engine.formula import At, ForAll, Max, Num, Range, Table, Var
from mechproof.engine.rule import Lemma
p, K = Var("p"), Var("K")
def lemma(statement):
    return Lemma("mine", "Mine", "For all:", statement, "By inspection.", "here")
"""
INSTANCES = """
def instances(seed):
    rng = random.Random(seed)
    while True:
        yield {"K": 2, "a": Table([rng.randint(-2, 2), rng.randint(-2, 2)])}
"""


def test_the_documented_example_passes():
    """The page about adding a lemma shows a lemma that is true, tight, and guarded by its instances."""
    ((lemma, report),) = examine_file(EXAMPLE, 500, 0)

    assert lemma.label == "position-mixture"
    assert report.passed and len(report.mutants) == 3


def test_breaking_the_example_is_noticed(tmp_path):
    """Without the condition that the weights sum to one the statement is false."""
    broken = tmp_path / "broken.py"
    broken.write_text(EXAMPLE.read_text().replace("(within & total_one).implies(", "(within).implies("))

    ((_, report),) = examine_file(broken, 500, 0)

    assert report.counterexample is not None


TRUE = "Max(Var('j'), Range(Num(0), K), At('a', Var('j')))"


@pytest.mark.parametrize(("bound", "code", "last"), [(TRUE, 0, "s PASSED mine"), ("Num(1)", 1, "s FAILED mine")])
def test_the_command_says_passed_or_failed(tmp_path, monkeypatch, capsys, bound, code, last):
    """Exit code and last line agree; a counter-example shows its numbers."""
    file = tmp_path / "mine.py"
    file.write_text(HEAD + f"MINE = lemma(ForAll(p, Range(Num(0), K), At('a', p) <= {bound}))" + INSTANCES)
    monkeypatch.setattr(sys, "argv", ["mechproof", "lemma", "test", str(file)])

    with pytest.raises(SystemExit) as stop:
        main()

    out = capsys.readouterr().out.splitlines()
    assert stop.value.code == code and out[-1] == last
    assert ("counter-example: K = 2, a = [" in "\n".join(out)) == (code == 1)
    assert not any(sign in line for line in out for sign in "\\$")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("x = 1", "expected a Lemma"),
        (HEAD + "MINE = lemma(Num(0) <= Num(1))", "instances"),
        (HEAD + "1 / 0", "ZeroDivisionError"),
        ("def broken(:", "SyntaxError"),
        (HEAD + "MINE = lemma(At('a', Num(5)) <= Num(1))" + INSTANCES, "IndexError"),
        (HEAD + "MINE = lemma(Num(0) <= Num(1))\ndef instances(seed):\n    return iter(())", "yield environments"),
    ],
)
def test_an_unusable_file_is_one_sentence(tmp_path, content, reason):
    """Every mistake in the file names the file and what was expected."""
    file = tmp_path / "mine.py"
    file.write_text(content)

    with pytest.raises(NotALemmaFile, match=reason) as caught:
        list(examine_file(file, 10, 0))

    assert "mine.py" in str(caught.value)


def test_a_transcript_marks_rules_from_elsewhere():
    """A reader sees which step rests on a rule that is not part of mechproof, and no certificate carries it."""
    proof = mechproof.prove(zoo.path("max_of_2_v64_d32_seed123"))
    graph = proof.graph.replay()

    class OwnAccuracy(AccuracyFromCount):
        name = "own_accuracy"
        certifiable = False

    count = next(step.claim for step in graph.proof(proof.goal) if step.rule.name == "token_order_tree")
    fresh, known = ProofGraph(), {}
    for step in graph.proof(count):
        known[step.claim] = fresh.apply(step.rule, [known[premise] for premise in step.premises], step.advice)
    own = Proof("mine", fresh, fresh.apply(OwnAccuracy(), [known[count]]))

    assert "not part of mechproof" in own._repr_markdown_()
    assert "not part of mechproof" not in proof._repr_markdown_()
    with pytest.raises(NotEstablished):
        _ = own.certificate
