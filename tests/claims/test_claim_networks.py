"""Claims about any network: every word is what a plain evaluation of every input says, and false claims are refuted."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import layered_network as second
import mpmath
import numpy as np
import pytest
from shared_data import shared
from shares import shared_out

from mechproof.claims.files import read_toml
from mechproof.claims.run import read, run

BITS = 300
TASK = "expression:(t[0] + t[1] + t[2]) % 5"
INPUTS = list(itertools.product(range(5), repeat=3))
KINDS = second.every_kind(second.Draw(3))
NAMES = ("two layers", "norms", "mlp relu", "gated silu", "sum", "concat", "attention, concat, attention")


@dataclass
class Plain:
    """The network's numbers, evaluated in many digits."""

    layers: Any

    @cached_property
    def logits(self) -> dict[tuple[int, ...], list[Any]]:
        return {tokens: second.logits(self.layers, tokens)[-1] for tokens in INPUTS}

    def right(self, tokens: tuple[int, ...]) -> bool:
        return self.margin(tokens) > 0

    def margin(self, tokens: tuple[int, ...]) -> Any:
        return second.margin(self.logits[tokens], sum(tokens) % 5)

    def loss(self, tokens: tuple[int, ...]) -> Any:
        return second.loss(self.logits[tokens], sum(tokens) % 5)


@pytest.fixture(scope="module", params=NAMES)
def networks(request, tmp_path_factory) -> tuple[Path, Plain]:
    folder = tmp_path_factory.mktemp("networks")
    with mpmath.workprec(BITS):
        plain = Plain(KINDS[request.param])
        assert plain.logits
    return second.write(KINDS[request.param], folder), plain


def lines(model: Path, *statements: str, header: str = "", task: str = TASK) -> list[str]:
    """Verdict and detail of each claim."""
    claims = "".join(f"[[claim]]\nid = 'c{n}'\nstatement = '''{s}'''\n" for n, s in enumerate(statements))
    file = model.parent / "claims.toml"
    file.write_text(f"model = '{model.name}'\ntask = '{task}'\n{header}{claims}", "utf-8")
    return [f"{r.verdict.status} {r.verdict.detail}" for r in run(read_toml(file)).results]


def verdicts(model: Path, *statements: str, header: str = "") -> list[str]:
    return [line.split()[0] for line in lines(model, *statements, header=header)]


def decimal(number: Any, offset: str = "0") -> str:
    with mpmath.workprec(BITS):
        return str(mpmath.nstr(number + mpmath.mpf(offset), 30, strip_zeros=False, min_fixed=-100, max_fixed=100))


def test_numbers_over_all_inputs(networks):
    """Accuracy, loss, probability and least margin lie where a plain evaluation puts them, and not beside it."""
    model, plain = networks
    right = [tokens for tokens in INPUTS if plain.right(tokens)]
    with mpmath.workprec(BITS):
        loss = mpmath.fsum(map(plain.loss, INPUTS)) / 125
        chance = mpmath.fsum(mpmath.exp(-plain.loss(tokens)) for tokens in INPUTS) / 125
        margin = min(map(plain.margin, INPUTS))
    near, found = "0.000001", []
    for name, value in (("loss", loss), ("probability", chance), ("least_margin", margin)):
        low, high = decimal(value, f"-{near}"), decimal(value, near)
        found += [f"{low} < {name} < {high}", f"{name} < {low}", f"{name} > {high}"]
    expected = ["PROVED", "REFUTED", "REFUTED"] * 3
    assert verdicts(model, *found) == expected
    assert verdicts(model, f"accuracy = {len(right)}/125", f"accuracy < {len(right)}/125") == ["PROVED", "REFUTED"]
    assert verdicts(model, f"len(wrong) = {125 - len(right)}", "len(wrong) < 0") == ["PROVED", "REFUTED"]


def test_sets_of_wrong_inputs(networks):
    """The set is the listed one, or the first input that makes the difference is told; members are decided alike."""
    model, plain = networks
    wrong = [tokens for tokens in INPUTS if not plain.right(tokens)]
    listed = ", ".join(map(str, wrong))
    assert verdicts(model, f"wrong = {{{listed}}}", f"wrong != {{{listed}}}") == ["PROVED", "REFUTED"]
    for tokens in (INPUTS[0], INPUTS[62], INPUTS[124]):
        inside = "PROVED" if tokens in wrong else "REFUTED"
        other = "REFUTED" if tokens in wrong else "PROVED"
        correct = f"correct{tokens}"
        assert verdicts(model, f"{tokens} in wrong", f"{tokens} not in wrong", correct) == [inside, other, other]
    if wrong:
        told = lines(model, f"wrong = {{{', '.join(map(str, wrong[1:]))}}}", f"wrong >= {{{wrong[0]}}}")
        assert told[0].startswith(f"REFUTED {wrong[0]} is wrong and not listed") and told[1].startswith("PROVED")


CONDITIONS = [
    ("t[0] < 3", lambda t: t[0] < 3),
    ("max(t) = 4", lambda t: max(t) == 4),
    ("max = 4 and t[-1] != t[0]", lambda t: max(t) == 4 and t[-1] != t[0]),
    ("not t[0] = t[1]", lambda t: t[0] != t[1]),
    ("1 <= t[1] < 4 and (t[0] + t[2]) % 2 = 1", lambda t: 1 <= t[1] < 4 and (t[0] + t[2]) % 2 == 1),
]


@pytest.mark.parametrize(("text", "holds"), CONDITIONS, ids=[text for text, _ in CONDITIONS])
def test_numbers_over_some_inputs(networks, text, holds):
    """A condition leaves just the inputs that satisfy it, in all spellings."""
    model, plain = networks
    some = [tokens for tokens in INPUTS if holds(tokens)]
    right = sum(map(plain.right, some))
    with mpmath.workprec(BITS):
        margin = decimal(min(map(plain.margin, some)), "0.001")
        loss = decimal(mpmath.fsum(map(plain.loss, some)) / len(some), "-0.001")
    index = text if "not" not in text else "t[0] != t[1]"
    found = verdicts(
        model,
        f"accuracy where {text} = {right}/{len(some)}",
        f"accuracy < {right}/{len(some)} where {text}",
        f"(accuracy where {text}) >= {right}/{len(some)} and accuracy >= 0",
        f"accuracy[{index.replace(' and ', ', ')}] = {right}/{len(some)}",
        f"least_margin where {text} <= {margin}",
        f"loss where {text} <= {loss}",
        f"len(wrong where {text}) = {len(some) - right}",
    )
    assert found == ["PROVED", "REFUTED", "PROVED", "PROVED", "PROVED", "REFUTED", "PROVED"]


def test_conditions_on_a_variable(networks):
    """A quantifier's variable may stand in a condition: one number an instance."""
    model, plain = networks
    shares = [
        Fraction(sum(plain.right(t) for t in INPUTS if max(t) == m), sum(max(t) == m for t in INPUTS)) for m in range(5)
    ]
    least = min(shares)
    text = f"for all m in 0..4: (accuracy where max(t) = m) >= {least.numerator}/{least.denominator}"
    assert verdicts(model, text, text.replace(">=", ">")) == ["PROVED", "REFUTED"]


@pytest.mark.parametrize("form", ["places", "mask", "rows", "json"])
def test_splits_are_files(networks, form):
    """Train and test as files of places, a mask, rows of tokens or JSON; they add up to all inputs."""
    model, plain = networks
    chosen = np.random.default_rng(1).permutation(125)[:40]
    file = model.parent / ("train.json" if form == "json" else "train.npy")
    match form:
        case "places":
            np.save(file, chosen)
        case "mask":
            np.save(file, np.isin(np.arange(125), chosen))
        case "rows":
            np.save(file, np.array(INPUTS)[chosen])
        case "json":
            file.write_text(str(chosen.tolist()))
    header = f"[split]\ntrain = '{file.name}'\n"
    right = sum(plain.right(INPUTS[place]) for place in chosen.tolist())
    rest = sum(map(plain.right, INPUTS)) - right
    assert verdicts(
        model,
        f"accuracy[train] = {right}/40",
        f"accuracy where not train = {rest}/85",
        f"accuracy where train and t[0] >= 0 > {right}/40",
        header=header,
    ) == ["PROVED", "PROVED", "REFUTED"]


def test_activations_are_those_of_the_plain_evaluation(tmp_path):
    """Patterns sum to one and are those of the formula; axes, ranges and negative indices as in TransformerLens."""
    draw = second.Draw(11)
    layers = second.stack(draw, draw.attention(4, 2, norm=draw.norm(4)), draw.mlp(4, 6, "relu"), draw.attention(4, 1))
    model = second.write(layers, tmp_path)
    first = layers[1]
    with mpmath.workprec(BITS):
        x = [second._plus(layers[0]["E"][t].tolist(), layers[0]["P"][p].tolist()) for p, t in enumerate((1, 4, 2))]
        y = [second.normed(first["norm"], row) for row in x]
        q = second._plus(second._times(y[2], first["W_Q"][1]), first["b_Q"][1])
        keys = [second._plus(second._times(row, first["W_K"][1]), first["b_K"][1]) for row in y]
        scores = [mpmath.fsum(a * b for a, b in zip(q, k, strict=True)) / mpmath.sqrt(3) for k in keys]
        total = mpmath.fsum(map(mpmath.exp, scores))
        pattern = mpmath.exp(scores[1]) / total
        out = second.logits(layers, (1, 4, 2))[-1][3]
    name = "blocks.0.attn.hook_pattern(1, 4, 2)"
    found = lines(
        model,
        f"{decimal(pattern, '-1e-20')} < {name}[1, -1, 1] < {decimal(pattern, '1e-20')}",
        f"abs(blocks.0.attn.hook_attn_scores(1, 4, 2)[1, 2, 1] - {decimal(scores[1])}) < 1e-20",
        f"abs(sum({name}[1, -1, :]) - 1) < 1e-30 and {name}[:, 0, 1] = 0 and {name}[0, 0, 0] >= 1 - 1e-30",
        f"abs(logits(1, 4, 2)[3] - ({decimal(out)})) < 1e-20",
        "max(abs(blocks.0.hook_resid_pre(1, 4, 2) - hook_embed(1, 4, 2) - hook_pos_embed(1, 4, 2))) = 0",
        "max(abs(blocks.0.hook_resid_mid(1, 4, 2) - blocks.0.hook_resid_pre(1, 4, 2)"
        " - blocks.0.hook_attn_out(1, 4, 2))) < 1e-30",
        "max(abs(blocks.0.hook_resid_post(1, 4, 2) - blocks.1.hook_resid_pre(1, 4, 2))) < 1e-30",
        "min(blocks.0.mlp.hook_post(1, 4, 2)) >= 0",
        f"{name}[1, -1, 1] < {decimal(pattern, '-1e-20')}",
    )
    assert [line.split()[0] for line in found] == [*["PROVED"] * 8, "REFUTED"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("blocks.0.attn.hook_patern(1, 2, 3)[0, 0, 0] = 1", "the nearest is 'blocks.0.attn.hook_pattern'"),
        ("blocks.0.attn.hook_pattern(1, 2)[0, 0, 0] = 1", "takes a sequence of 3 tokens 0 to 4, found 1, 2"),
        ("blocks.0.attn.hook_pattern(1, 2, 3)[0, 3, 0] = 1", "3 of axis 1, which has 3 places"),
        ("blocks.0.attn.hook_pattern(1, 2, 3) = 1", "expected a matrix, found 2 × 3 × 3 numbers"),
        ("blocks.0.attn.hook_attn_scores(1, 2, 3)[0, 0, 1] = 1", "position 0 does not see position 1"),
        ("accuracy where t[3] = 1 = 1", "t[3] of inputs that have 3 positions"),
        ("accuracy where x = 1 >= 0.5", "a condition on inputs has"),
        ("accuracy where t[0] > 9 = 1", "expected an input that satisfies the condition, found none"),
        ("accuracy[train] = 1", "there is no split 'train'"),
        ("wrong = 3", "wrong is a set of inputs; len(wrong) is how many they are"),
        ("(1, 2) in wrong", "an input has 3 tokens, found (1, 2)"),
        ("(1, 2, 9) in wrong", "(1, 2, 9) is no input of the task"),
        ("max(EQKE) > 0", "EQKE has no meaning in this network"),
    ],
)
def test_what_means_nothing_is_an_error_with_its_sentence(tmp_path, text, told):
    """One sentence each; nothing is guessed."""
    draw = second.Draw(2)
    model = second.write(second.stack(draw, draw.attention(4, 2)), tmp_path)
    (line,) = lines(model, text)
    assert line.split()[0] in ("ERROR", "UNDECIDED") and told in line


CELL = Path(__file__).parents[1] / "data" / "unsound_averaging" / "cell_v3_k3.npz"


def test_words_of_networks_beside_path_tables(tmp_path):
    """A network with path tables has the other words too, and both in one statement."""
    file = tmp_path / "claims.toml"
    texts = (
        "least_margin > 0 and max(EVOU) > 0",
        "len(wrong) = 27 - 27 * accuracy",
        "sum(blocks.0.attn.hook_pattern(0, 1, 2)[0, -1, :]) >= 99 %",
        "for all a, b: correct(a, b, 2) or least_margin <= 0",
    )
    claims = "".join(f"[[claim]]\nid = 'c{n}'\nstatement = '{text}'\n" for n, text in enumerate(texts))
    file.write_text(f"model = '{CELL}'\n{claims}", "utf-8")
    found = [f"{r.verdict.status} {r.verdict.detail}" for r in run(read_toml(file)).results]
    assert [line.split()[0] for line in found] == ["REFUTED", "PROVED", "PROVED", "PROVED"]
    assert found[1].startswith("PROVED len(wrong) = 11")


PUBLISHED = Path(__file__).parents[2] / "docs" / "examples" / "claims" / "published"


OF_USERS = {
    "induction_n6": ("params_s1.npz", ["xo-acc"]),
    "cumsum": ("cumsum.npz", ["arena-cumsum"]),
    "induction_gbmi": ("l_2_2_model.npz", ["l22-loss-bound", "ft0-accuracy-bound", "ft0-not-all"]),
}


@pytest.mark.parametrize("name", shared_out(OF_USERS, kept=["induction_gbmi"]))
def test_published_claims_about_weights_that_the_user_has(name):
    """Verdicts as the files expect; the weights are looked for in the folder that is given."""
    weights, ids = OF_USERS[name]
    folder = shared(f"{name}/{weights}").parent
    results = run(read(PUBLISHED / f"{name}.toml", folder).only(ids)).results
    assert [result.line for result in results if not result.as_expected] == []


def test_every_published_file_is_one(tmp_path):
    """Each can be read, and names a model that is looked for in the given folder first."""
    for path in sorted(PUBLISHED.glob("*.toml")):
        claims = read(path, tmp_path).claims
        assert [claim.problem for claim in claims if claim.problem] == []
    (tmp_path / "cumsum.npz").touch()
    assert read(PUBLISHED / "cumsum.toml", tmp_path).claims[0].model == tmp_path / "cumsum.npz"
