"""``diagonal_loss/1``: the story's bound of the loss is the documented one, is true, and is not to be exceeded."""

from __future__ import annotations

import copy
from fractions import Fraction
from itertools import product
from math import comb
from pathlib import Path
from typing import Any

import mpmath
import pytest
from loss_certificates import (
    DIGITS,
    found,
    is_near,
    layer_sum,
    numbers,
    proved,
    real,
    require_tight,
    require_true,
    soft,
    state,
    table,
)

from mechproof.engine.checker import check, logarithm

RULE = "diagonal_loss/1"
# Steps of about a microsecond; V = 64, K = 4, d = 32.
LIMIT = 20_000_000
MODELS = [(0, 4, 3, 0.1), (1, 5, 2, 0.1), (2, 3, 4, 0.3), (1, 4, 1, 0.1), (3, 2, 3, 0.2)]


def entries(matrix: Any) -> list[Fraction]:
    """A matrix of a certificate, row by row."""
    _, _, exponent, values = matrix
    return [int(value, 16) * Fraction(2) ** exponent for value in values]


class Reading:
    """The numbers of docs/certificate.md §9.3 for the loss, from the certificate and the model's own matrices."""

    def __init__(self, emitter: Any, model: Any, certificate: Any) -> None:
        self.model = model
        derivations = certificate["derivations"]
        self.step = emitter.step(certificate, RULE)
        rank_one = emitter.step(certificate, "rank_one/1")
        split = derivations[rank_one["premises"][0]]
        named = {
            step["advice"]["name"]: entries(step["advice"]["matrix"])
            for step in derivations
            if step["rule"] == "name_matrix/1"
        }
        self.strength, self.size = entries(rank_one["advice"]["strength"]), entries(rank_one["advice"]["size"])
        self.noise = entries(derivations[split["premises"][1]]["conclusion"]["bounds"])
        _, _, places, _, direct, values = (derivations[premise] for premise in self.step["premises"])
        self.places = entries(places["conclusion"]["bounds"])
        self.against = [
            b + max(entries(values["conclusion"]["bounds"])) for b in entries(direct["conclusion"]["bounds"])
        ]
        self.table = [
            [e + u + w for e, u, w in zip(row, named["u"], named["w"], strict=True)] for row in model.parts["EVOU"]
        ]
        self.reaches = [numbers(text) for text in self.step["advice"]["reaches"]]

    def margin(self, k: int, m: int) -> Any:
        """What row k of the table gives to output m more than to any other."""
        row = self.table[k]
        return row[m] - max(value for x, value in enumerate(row) if x != m)

    def floor(self, q: int, m: int, c: int, j: int) -> Any:
        """At least so much attention does m get within a reach."""
        score = self.strength[q] * (max(self.size[: j + 1]) - self.size[m]) + self.noise[q] + self.places[q]
        copies = self.model.K - c
        return copies / (copies + c * mpmath.exp(real(score) / mpmath.sqrt(self.model.h)))

    def loss(self, difference: Any) -> Any:
        """The loss for these logit differences, in steps of 2^-12, rounded up."""
        return soft([mpmath.ceil(4096 * difference) / 4096] * (self.model.V - 1))

    def total(self) -> Any:
        """At most so much do all losses add up to."""
        V, K = self.model.V, self.model.K
        with mpmath.workdps(DIGITS):
            total = mpmath.fsum(self.loss(real(self.against[m] - self.margin(m, m))) for m in range(V))
            for q, m, c in product(range(V), range(1, V), range(1, K)):
                if q > m:
                    continue
                others, layers = c - (q < m), []
                treated = [reach[(q * V + m) * K + c] - 1 for reach in self.reaches]
                for j, low in [(m - 1, 0), *((j, self.floor(q, m, c, j)) for j in treated if j >= 0)]:
                    own, rest = self.margin(m, m), min(self.margin(k, m) for k in range(j + 1))
                    least = min(real(own), low * real(own) + (1 - low) * real(rest))
                    layers.append((self.loss(real(self.against[q]) - least), comb(K - 1, others) * (j + 1) ** others))
                total += layer_sum(layers)
            return total


@pytest.mark.parametrize("arguments", MODELS)
def test_the_documented_bound_is_the_best_that_is_verified(
    emitter: Any, judge: Any, tmp_path: Path, arguments: tuple[Any, ...]
) -> None:
    """The prover's line; then the bound is found to the last digits, is true, and one unit less is refused."""
    model = emitter.pulled_model(*arguments)
    certificate, line = proved(emitter.write(model, tmp_path), "story")
    assert judge(model, certificate).line == line
    sums = require_tight(judge, model, certificate)
    require_true(model, sums)
    assert sums[0] == 0 and is_near(sums[1], Reading(emitter, model, certificate).total())


def test_a_published_network(data: Path, tmp_path: Path, emitter: Any) -> None:
    """Sixty-four tokens in a few seconds' steps; a thousandth less than what the prover shows is refused."""
    weights, path = data / "max_of_4_seed123" / "weights.npz", tmp_path / "certificate.json"
    certificate, line = proved(weights, "story")
    path.write_bytes(emitter.text(certificate))
    assert check(path, weights, budget=LIMIT).line == line
    conclusion = emitter.step(certificate, RULE)["conclusion"]
    conclusion["high"] = hex(int(conclusion["high"], 16) * 999 // 1000)
    path.write_bytes(emitter.text(certificate))
    assert check(path, weights).code == "E216"


@pytest.fixture
def example(emitter: Any, judge: Any, tmp_path: Path) -> tuple[Any, dict[str, Any]]:
    """A model and a certificate of what the checker finds for it."""
    model = emitter.pulled_model(0, 4, 3, 0.1)
    certificate, _ = proved(emitter.write(model, tmp_path), "story")
    return model, state(certificate, model, *found(judge, model, certificate))


def test_mutants_of_a_certificate_are_refused(emitter: Any, judge: Any, example: Any) -> None:
    """Layers left out, bounds a unit too small, common rows or premises exchanged, another network's weights."""
    model, certificate = example
    assert judge(emitter.pulled_model(1, 4, 3, 0.1), certificate).code == "E201"

    def refused(code: str, change: Any) -> None:
        changed = copy.deepcopy(certificate)
        change(changed, emitter.step(changed, RULE))
        assert judge(model, changed).code == code

    refused("E216", lambda whole, step: step["advice"].update(reaches=[]))
    refused("E216", lambda whole, step: step["conclusion"].update(low="0x1"))
    refused("E272", lambda whole, step: step["advice"].update(direct=["w"], positions=["u"]))
    refused("E272", lambda whole, step: step["advice"].update(direct=[]))
    refused("E252", lambda whole, step: step["advice"].update(direct=["T", ["u"]]))
    refused("E204", lambda whole, step: whole["relation"].update(high=hex(int(whole["relation"]["high"], 16) - 1)))

    def narrower(whole: Any, step: Any) -> None:
        bounds = whole["derivations"][step["premises"][4]]["conclusion"]["bounds"]
        bounds[3][0] = hex(int(bounds[3][0], 16) - 1)

    refused("E217", narrower)
    for a, b, code in ((4, 5, "E252"), (2, 4, "E252")):

        def exchanged(whole: Any, step: Any, a: int = a, b: int = b) -> None:
            step["premises"][a], step["premises"][b] = step["premises"][b], step["premises"][a]

        refused(code, exchanged)
    assert judge(model, certificate).status == "VERIFIED"


def test_a_layer_moved_is_refused(emitter: Any, judge: Any, example: Any) -> None:
    """A reach one smaller shows less of some cell; none of them is worth more than the checker finds."""
    model, certificate = example
    advice = emitter.step(certificate, RULE)["advice"]
    kept, codes = list(advice["reaches"]), set()
    for n, text in enumerate(kept):
        rows = numbers(text)
        for place, entry in enumerate(rows):
            if entry:
                advice["reaches"] = [*kept[:n], table([*rows[:place], entry - 1, *rows[place + 1 :]]), *kept[n + 1 :]]
                codes.add(judge(model, certificate).code)
    assert "E216" in codes and codes <= {None, "E216", "E256"}


def test_reaches_that_are_none_are_refused(emitter: Any, judge: Any, example: Any) -> None:
    """Of another size, for a cell that does not exist, too many; and of a token below a smaller one."""
    model, certificate = example
    advice = emitter.step(certificate, RULE)["advice"]
    size = model.V**2 * model.K
    cases = [
        ("E216", [table([0] * (size - 1))]),
        ("E256", [table([*[0] * (size - 1), 60])]),
        ("E112", [table([0] * size)] * 257),
    ]
    for code, reaches in cases:
        advice["reaches"] = reaches
        assert judge(model, certificate).code == code


def test_exceptions_have_no_layers(emitter: Any, judge: Any, tmp_path: Path) -> None:
    """A cell whose maximum does not lie above all smaller tokens is bounded as a whole only."""
    model = emitter.random_model(3, 4, 3, 3, 2, True)
    certificate, line = proved(emitter.write(model, tmp_path), "story")
    assert judge(model, certificate).line == line
    require_true(model, require_tight(judge, model, certificate))
    reading = Reading(emitter, model, certificate)
    low = [m for m in range(1, 4) if reading.size[m] <= max(reading.size[:m])]
    m = low[0]
    rows = [0] * 48
    rows[(m * 4 + m) * 3 + 1] = m
    emitter.step(certificate, RULE)["advice"]["reaches"] = [table(rows)]
    assert judge(model, certificate).code == "E273"


def test_a_small_budget_is_refused(judge: Any, example: Any) -> None:
    """The steps are charged: a budget below the work ends in E242."""
    model, certificate = example
    needed = next(n for n in range(1000, 200000, 1000) if judge(model, certificate, budget=n).status == "VERIFIED")
    assert judge(model, certificate, budget=needed - 1000).code == "E242"


def with_bounds(emitter: Any, certificate: Any, place: int, bounds: Any) -> None:
    """Other bounds in the row difference at this place of the premises."""
    premise = emitter.step(certificate, RULE)["premises"][place]
    certificate["derivations"][premise]["conclusion"]["bounds"] = bounds


def test_bounds_of_any_size(monkeypatch: pytest.MonkeyPatch, emitter: Any, judge: Any, example: Any) -> None:
    """A bound of 2^(2^20) is true: what it shows is refused in a few words, is charged, and is not kept."""
    model, certificate = example
    with_bounds(emitter, certificate, 4, [model.V, 1, 1 << 20, [hex(n + 1) for n in range(model.V)]])
    steps: set[int] = set()
    exact = logarithm.log_one_plus
    monkeypatch.setattr(logarithm, "log_one_plus", lambda k, side: steps.update(k) or exact(k, side))
    verdict = judge(model, certificate)
    assert verdict.code == "E216" and "found about 2^10" in verdict.line and len(verdict.line) < 300
    assert all(abs(k) <= logarithm.LOWEST + 1 for k in steps)
    assert judge(model, certificate, budget=20000).code == "E242"


def test_margins_of_any_size(emitter: Any, judge: Any, example: Any) -> None:
    """A margin of 2^(2^20) is refused in a few words."""
    model, certificate = example
    stated = emitter.step(certificate, "diagonal/1")["conclusion"]
    stated["margins"] = [model.V, 1, 1 << 20, ["0x1"] * model.V]
    verdict = judge(model, certificate)
    assert verdict.code == "E216" and "is stated as about 2^10" in verdict.line and len(verdict.line) < 300


def test_bounds_of_any_unit(emitter: Any, judge: Any, tmp_path: Path) -> None:
    """A bound of 0 in units of 2^-(2^20) does not make a table of 2^28 bits or more of what it is compared with."""
    model = emitter.pulled_model(0, 20, 2, 0)
    certificate, _ = proved(emitter.write(model, tmp_path), "story")
    with_bounds(emitter, certificate, 5, [model.K, 1, -(1 << 20), ["0x0"] * model.K])
    assert judge(model, certificate).code == "E243"
