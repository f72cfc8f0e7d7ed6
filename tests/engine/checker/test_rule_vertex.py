"""``vertex_cells/1``: the checker's count is the documented one, is true, and is not to be exceeded."""

from __future__ import annotations

import copy
import itertools
from math import comb
from typing import Any

import gap_certificates
import mpmath
import pytest

from mechproof.engine.checker import rule_vertex
from mechproof.engine.graph import ProofGraph
from mechproof.models.problem import problem
from mechproof.models.weights import load
from mechproof.rewrites.rules.network_definition import NetworkDefinition
from mechproof.rewrites.rules.path_decomposition import PathDecomposition
from mechproof.rewrites.strategies.methods.coupled import Vertices
from mechproof.rewrites.strategies.splits.attention import attention_split
from mechproof.rewrites.strategies.splits.common import Workbench

MODELS = [
    ("pulled_model", (0, 4, 3, 0.3)),
    ("pulled_model", (0, 4, 4, 0.3)),
    ("pulled_model", (1, 2, 5, 0.3)),
    ("pulled_model", (1, 5, 1, 0.3)),
    ("pulled_model", (0, 1, 3, 0.3)),
    ("random_model", (3, 4, 3, 3, 2, True)),
    ("random_model", (7, 5, 2, 3, 2, True)),
]
SPLITS = ["EQKE", "len"]


def made(emitter: Any, model: Any, folder: Any, scores: str) -> tuple[dict[str, Any], Any]:
    """The prover's certificate with this split of EQKE, and the split."""
    statement = problem(load(emitter.write(model, folder)), "max-of-k")
    graph = ProofGraph()
    paths = graph.apply(PathDecomposition(), [graph.apply(NetworkDefinition(), (), statement)])
    split = graph.claim(attention_split(Workbench.of(graph, paths, any_row=True), scores))
    return gap_certificates.made(emitter, model, folder, Vertices(scores)), split


def claim(certificate: dict[str, Any], low: int) -> dict[str, Any]:
    """The certificate with another count wherever one is stated."""
    changed = copy.deepcopy(certificate)
    gap_certificates.claim(changed, low)
    return changed


def real(value: Any) -> Any:
    return mpmath.mpf(value.numerator) / value.denominator


def documented(model: Any, split: Any) -> int:
    """The count of docs/certificate.md §7.1 to 60 digits: every placement and every corner, in place of their ends."""
    parts, free, total = model.parts, model.K - 1, 0
    scores, bounds = split.approximation.fractions(), split.bounds.fractions()

    def value(q: int, t: int, x: int, m: int, positions: Any) -> Any:
        place = max(row[x] - row[m] for row in positions)
        return real(parts["UU"][q][x] - parts["UU"][q][m] + parts["EVOU"][t][x] - parts["EVOU"][t][m] + place)

    with mpmath.workdps(60):
        root = mpmath.sqrt(model.h)
        for q, m in model.cells():
            b = [mpmath.exp(real(score) / root) for score in parts["EQKP"][q]]
            somewhere, last = parts["PVOU"][:-1] or parts["PVOU"], parts["PVOU"][-1:]

            def ends(t: int, q: int = q, m: int = m) -> set[Any]:
                noise = bounds[q][0] if t != m else 0
                return {mpmath.exp(real(scores[q][t] + sign * noise) / root) for sign in (-1, 1)}

            def negative(k: int, c: int, q: int = q, m: int = m, b: Any = b, places: Any = (somewhere, last)) -> bool:
                (top,) = ends(m)
                for x in (x for x in range(model.V) if x != m):
                    on_m, on_k, on_q = (value(q, t, x, m, places[t_at]) for t, t_at in ((m, 0), (k, 0), (q, 1)))
                    for placed in itertools.combinations(range(free), c):
                        others = sum(b[p] for p in placed)
                        copies = sum(b[:free]) - others
                        for e, own in itertools.product(ends(k), ends(q)):
                            if top * copies * on_m + e * others * on_k + own * b[-1] * on_q >= 0:
                                return False
                return True

            total += negative(m, 0)
            for c in range(1, free + 1 if q == m else free):
                total += comb(free, c) * sum(negative(k, c) for k in range(m)) ** c
    return total


@pytest.mark.parametrize("scores", SPLITS)
@pytest.mark.parametrize(("kind", "arguments"), MODELS)
def test_the_documented_count_is_the_most_that_is_verified(
    emitter: Any, judge: Any, tmp_path: Any, kind: str, arguments: tuple[Any, ...], scores: str
) -> None:
    """It is the prover's, and below the truth; one more is refused, with both numbers; less is verified."""
    model = getattr(emitter, kind)(*arguments)
    certificate, split = made(emitter, model, tmp_path, scores)
    count = documented(model, split)
    assert int(certificate["relation"]["right_low"], 16) == count <= model.truth()
    verdict = judge(model, certificate)
    found = (verdict.status, verdict.right_low, verdict.right_high)
    assert found == ("VERIFIED", count, model.V**model.K), verdict.line
    if count < model.V**model.K:
        refused = judge(model, claim(certificate, count + 1))
        assert (refused.exit_code, refused.code) == (1, "E216")
        assert f"right_low is stated as {count + 1}; found {count}" in refused.line
    if count:
        assert judge(model, claim(certificate, count - 1)).status == "VERIFIED"


@pytest.mark.parametrize("arguments", [(0, 4, 3), (1, 3, 4), (5, 5, 2)])
def test_ties_are_not_counted(emitter: Any, judge: Any, tmp_path: Any, arguments: tuple[int, ...]) -> None:
    """Networks with planted ties: at most the right sequences are verified."""
    model = emitter.tied_model(*arguments)
    certificate, _ = made(emitter, model, tmp_path, "EQKE")
    assert judge(model, certificate).status == "VERIFIED"
    assert judge(model, claim(certificate, model.truth() + 1)).code == "E216"


@pytest.fixture(scope="module")
def model(emitter: Any) -> Any:
    return emitter.pulled_model(0, 5, 4, 0.3)


@pytest.fixture(scope="module")
def certificate(emitter: Any, model: Any, tmp_path_factory: Any) -> Any:
    return made(emitter, model, tmp_path_factory.mktemp("vertex"), "EQKE")[0]


def test_nothing_is_shown_wrong(judge: Any, model: Any, certificate: Any) -> None:
    """An upper bound below the number of inputs does not follow from this rule, however true it is."""
    changed = copy.deepcopy(certificate)
    for stated in (changed["relation"], *(d["conclusion"] for d in changed["derivations"])):
        if "right_high" in stated:
            stated["right_high"] = hex(model.V**model.K - 1)
    refused = judge(model, changed)
    assert refused.code == "E216" and "right_high" in refused.line


def test_the_split_must_be_of_scores(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """A true split of the direct path does not stand for one of EQKE."""
    changed = copy.deepcopy(certificate)
    split = emitter.step(changed, "table_itself/1")
    split["advice"]["table"] = split["conclusion"]["table"] = "UU"
    split["conclusion"]["approximation"] = emitter.step(changed, "path_decomposition/1")["conclusion"]["UU"]
    verdict = judge(model, changed)
    assert verdict.code == "E255" and "is not a split of EQKE" in verdict.line


def test_there_is_no_advice(emitter: Any, judge: Any, model: Any, certificate: Any) -> None:
    """Anything but an empty object is malformed."""
    changed = copy.deepcopy(certificate)
    emitter.step(changed, "vertex_cells/1")["advice"] = {"bounds": "joint"}
    assert judge(model, changed).code == "E110"


def test_workers_and_budgets(judge: Any, model: Any, certificate: Any) -> None:
    """Shared among processes the verdict is the same; a budget below the work ends in E242."""
    count = int(certificate["relation"]["right_low"], 16)
    for jobs in (2, 3):
        assert judge(model, certificate, jobs=jobs).status == "VERIFIED"
        assert judge(model, claim(certificate, count + 1), jobs=jobs).code == "E216"
    needed = next(steps for steps in range(500, 10**6, 500) if judge(model, certificate, budget=steps).exit_code == 0)
    for steps in range(500, needed, 1000):
        assert judge(model, certificate, budget=steps).code == "E242"


def test_fields_have_room(emitter: Any, judge: Any, tmp_path: Any) -> None:
    """Logits far apart, and scores of which one outweighs all others: the count is the documented one."""
    model = emitter.pulled_model(2, 3, 3, 0.3)
    for name, factor in (("W_U", 2.0**40), ("W_Q", 64.0), ("W_U", 2.0**-90)):
        model.tensors[name] = model.tensors[name] * model.tensors[name].dtype.type(factor)
        scaled = type(model)(model.tensors)
        certificate, split = made(emitter, scaled, tmp_path, "EQKE")
        assert judge(scaled, certificate).status == "VERIFIED"
        assert int(certificate["relation"]["right_low"], 16) <= documented(scaled, split) <= scaled.truth()


@pytest.mark.parametrize("lie", ["largest", "negative"])
def test_a_broken_checker_would_be_noticed(emitter: Any, judge: Any, tmp_path: Any, monkeypatch: Any, lie: str) -> None:
    """With weights at the wrong ends, or without the sign of a field, more than the truth is verified."""
    if lie == "largest":
        monkeypatch.setattr(rule_vertex.Parts, "largest", lambda self, weight: weight[1] * self.negative)
    else:
        monkeypatch.setattr(rule_vertex.Fields, "negative", lambda self, vector: True)
    model = emitter.pulled_model(0, 4, 3, 0.5)
    certificate, _ = made(emitter, model, tmp_path, "EQKE")
    assert judge(model, claim(certificate, model.truth() + 1)).status == "VERIFIED"
