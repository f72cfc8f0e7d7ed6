"""Scores of explanations: what is true, what follows, what each sentence costs, and the numbers that would do."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from gap_cells import leaning

import mechproof
from mechproof.__main__ import main
from mechproof.explanations.errors import BadExplanation, NoFamily
from mechproof.explanations.families.largest_token import LargestToken
from mechproof.explanations.file import Explanation, Stated, load
from mechproof.explanations.score import Score, score
from mechproof.models import zoo
from mechproof.models.problem import statement_of
from mechproof.rewrites.proof import prove

HERE = Path(__file__).parents[1]
EXAMPLE = HERE.parent / "docs" / "examples" / "explanations" / "max_of_4.toml"
SEED123 = HERE / "data" / "max_of_4_seed123" / "weights.npz"
KEYS = tuple(LargestToken.kinds)
STORY = (
    "rank_one(EQKE)", "increasing(size)", "small(EQKP)", "diagonal(EVOU)", "harm(EVOU)",
    "small(UU)", "small(PVOU)",
)  # fmt: skip


def told(*statements: str, target: Fraction | None = None) -> Explanation:
    return Explanation("it", tuple(Stated(str(n), text) for n, text in enumerate(statements, 1)), target)


def small(oracle: object, *statements: str, target: Fraction | None = None, seed: int = 3) -> Score:
    return score(leaning(oracle, seed, 4, 3).statement, told(*statements, target=target), "net")


@pytest.fixture(scope="module")
def example() -> Score:
    """What the manual's file says of the published network; the search for numbers is left out."""
    return score(statement_of(SEED123), replace(load(EXAMPLE), target=None), "weights.npz")


def test_the_example_of_the_manual(example):
    """Its sentences are true of the published network, and its bound is that of the manual's page."""
    assert example.true and example.line.startswith("s PROVED accuracy >= 14290923/16777216")
    assert {blame.id: (blame.tight, blame.ideal) for blame in example.blames}["harm"] == (234756, 1903732)
    assert example.price is not None and example.price["multiply"] == 938560


def test_the_story_itself_scores_what_its_strategy_proves(oracle):
    """Sentences without numbers are the claims that ``story`` proves."""
    net = leaning(oracle, 3, 4, 3)
    found = score(net.statement, told(*STORY), "net")
    assert found.following.low == prove(net.statement, "net", "story").theorem.low > 0
    assert found.proof is not None and found.proof.certifiable


def test_false_sentences_are_refuted_with_what_is_true(oracle):
    """Each kind of falsehood: a number, an exception that was not named; and the score is that of the true ones."""
    lies = ["rank_one(EQKE, residual <= 1e-9)", *STORY[1:4], "harm(EVOU, by <= -1000)", *STORY[5:]]
    found = small(oracle, *lies)
    honest = small(oracle, *STORY)
    assert [judged.holds for judged in found.judged] == [False, True, True, True, False, True, True]
    assert found.following.low == honest.following.low
    assert found.line.startswith("s REFUTED 2 of 7 sentences are false; with the true ones accuracy >= ")
    truth = found.judged[0].true_numbers()["residual"]
    assert Fraction(truth.removeprefix("<= ")) >= (found.judged[0].truth.numbers["residual"] or 0) > Fraction(1, 10**9)


def test_exceptions_that_were_not_named_are(example):
    """With the tokens of which the sentence fails."""
    found = score(example.statement, told("increasing(size)", "diagonal(EVOU, margin >= 0.9)"), "net")
    order, copying = found.judged
    assert (order.holds, order.truth.witnesses) == (False, (3, 4, 5, 6, 7))
    assert not copying.holds and set(copying.truth.witnesses) > {0, 1, 2, 3, 5}
    assert "fails for 3, 4, 5, 6, 7" in "\n".join(found.lines())


def test_blame_says_what_changes(oracle):
    """Each number of the table is the difference of two scores, made again by hand."""
    loose = ["small(UU, <= 4)" if text == "small(UU)" else text for text in STORY]
    found, tight = small(oracle, *loose), small(oracle, *STORY)
    blame = {b.id: b for b in found.blames}["6"]
    without = small(oracle, *(text for text in loose if not text.startswith("small(UU")))
    assert blame.tight == tight.following.low - found.following.low > 0
    assert blame.out == found.following.low - without.following.low > 0
    assert blame.ideal >= blame.tight
    assert without.following.missing == ("small(UU)",) and "nothing is said by small(UU)" in "\n".join(without.lines())
    assert found.dearest.ideal == max(b.ideal for b in found.blames)


def test_the_waterfall_ends_in_what_follows_and_adds_up(oracle):
    """From all inputs over the truth and the story's own bound to the stated numbers', the losses exact."""
    loose = ["small(UU, <= 4)" if text == "small(UU)" else text for text in STORY]
    found, tight = small(oracle, *loose), small(oracle, *STORY)
    fall = found.waterfall
    assert fall is not None
    assert found.inputs - sum(fall.losses) == fall.bound == found.following.low
    assert [step.left for step in fall.falls[-2:]] == [tight.following.low, found.following.low]
    assert fall.falls[0].left == leaning(oracle, 3, 4, 3).truth.right
    assert [row["left"] for row in found.as_json(with_waterfall=True)["waterfall"]] == [s.left for s in fall.falls]
    assert len(found.waterfall_lines()) == len(fall.falls) + 2
    assert small(oracle, *STORY[:5]).waterfall is None and small(oracle, *STORY[:5]).waterfall_lines() == []


def test_the_number_that_would_be_needed_is_enough_and_hardly_more(oracle):
    """Where it is true it gives the target; a little less demanding it does not."""
    base = small(oracle, *STORY)
    target = Fraction(base.following.low * 3 // 4, base.inputs)
    found = small(oracle, *STORY, target=target)
    assert found.reached and found.line.startswith("s PROVED")
    needed = {b.id: b for b in found.blames}["6"].needed["difference"]
    assert needed is not None
    number = Fraction(needed.removeprefix("<= "))
    enough = small(oracle, *STORY[:5], f"small(UU, <= {float(number):.6f})", STORY[6], target=target)
    assert enough.true and enough.reached
    looser = small(oracle, *STORY[:5], f"small(UU, <= {float(number) * 1.01 + 0.01:.6f})", STORY[6], target=target)
    assert looser.true and not looser.reached
    out_of_reach = small(oracle, *STORY, target=Fraction(1))
    assert not out_of_reach.reached and None in out_of_reach.blames[2].needed.values()


def test_sentences_twice_and_networks_of_another_kind_are_refused(oracle):
    """Each with a sentence."""
    with pytest.raises(BadExplanation, match=r"expected one sentence of each kind, found small\(UU\) twice"):
        small(oracle, "small(UU)", "small(UU, <= 3)")
    with pytest.raises(BadExplanation, match="expected one of"):
        small(oracle, "copies_previous(layer 1)")
    other = statement_of(zoo.stack("add_mod_13_bilinear"), "modular-addition:13")
    with pytest.raises(NoFamily, match="no sentences are known for this network"):
        score(other, load(EXAMPLE), "net")


def test_the_command(capsys, monkeypatch, tmp_path):
    """Exit 1 where the target does not follow, 0 where it does; JSON with the same numbers; the proof in a folder."""

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["mechproof", *arguments])
        with pytest.raises(SystemExit) as done:
            main()
        return int(done.value.code or 0), capsys.readouterr().out

    path = tmp_path / "story.toml"
    path.write_text(
        "".join(f'[[claim]]\nid = "c{n}"\nstatement = "{text}"\n' for n, text in enumerate(KEYS)).replace(
            "(EQKP)", "(EQKP, <= 0)"
        )
    )
    weights = zoo.path("max_of_2_v64_d32_seed123")
    code, out = run("score", str(path), str(weights), "--out", str(tmp_path / "out"), "--json")
    found = json.loads(out)
    assert code == 1 and not found["true"] and found["line"].startswith("s REFUTED 1 of 7 sentences is false")
    assert {blame["id"] for blame in found["blame"]} == {sentence["id"] for sentence in found["sentences"]}
    verdict = mechproof.check(tmp_path / "out" / "certificate.json", weights)
    assert verdict.line.startswith(f"s VERIFIED accuracy >= {found['right_low']}/4096")
    path.write_text(path.read_text().replace("diagonal(EVOU)", "diagonal(EVOU, margin >= high)"))
    monkeypatch.setattr("sys.argv", ["mechproof", "score", str(path), str(weights)])
    with pytest.raises(SystemExit) as done:
        main()
    expected = "c3: expected margin >= … in diagonal(EVOU), found margin >= high"
    assert done.value.code == 2 and expected in capsys.readouterr().err
