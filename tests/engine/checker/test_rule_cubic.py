"""``cubic_cells/1``: the checker's count is the documented one, is true, and is not to be exceeded."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from cubic_counts import counted

from mechproof.engine.checker import network, paths, rule_cubic
from mechproof.engine.checker.budget import Budget
from mechproof.engine.checker.certificate import Reader
from mechproof.engine.checker.errors import Code, Failure
from mechproof.engine.checker.margins import Margins

RULE = "cubic_cells/1"
BOUNDS = ["joint", "separate"]
MODELS = [
    ("pulled_model", (0, 4, 3, 0.3)),
    ("pulled_model", (0, 4, 4, 0.3)),
    ("pulled_model", (2, 2, 2, 0.3)),
    ("pulled_model", (1, 2, 7, 0.3)),
    ("pulled_model", (1, 5, 1, 0.3)),
    ("pulled_model", (0, 1, 3, 0.3)),
    ("pulled_model", (0, 1, 1, 0.3)),
    ("random_model", (3, 4, 3, 3, 2, True)),
    ("random_model", (7, 6, 2, 3, 2, True)),
    ("random_model", (5, 3, 4, 2, 3, False)),
]


def documented(model: Any, joint: bool) -> int:
    """The count of docs/certificate.md §7, to 60 digits."""
    return sum(counted(model, q, m, joint) for q, m in model.cells())


def certificate(emitter: Any, model: Any, bounds: str, low: int) -> dict[str, Any]:
    return emitter.certificate(model, RULE, {"bounds": bounds}, low, model.V**model.K)


@pytest.mark.parametrize(("kind", "arguments"), MODELS)
def test_the_documented_count_is_the_most_that_is_verified(
    emitter: Any, judge: Any, kind: str, arguments: tuple[Any, ...]
) -> None:
    """Either count is verified and below the truth; one more is refused, with both numbers; less is verified."""
    model = getattr(emitter, kind)(*arguments)
    truth, inputs = model.truth(), model.V**model.K
    for bounds in BOUNDS:
        count = documented(model, bounds == "joint")
        assert count <= truth
        verdict = judge(model, certificate(emitter, model, bounds, count))
        assert (verdict.status, verdict.right_low, verdict.right_high) == ("VERIFIED", count, inputs), verdict.line
        if count < inputs:
            refused = judge(model, certificate(emitter, model, bounds, count + 1))
            assert (refused.exit_code, refused.code) == (1, "E216")
            assert f"right_low is stated as {count + 1}; found {count}" in refused.line
        if count:
            assert judge(model, certificate(emitter, model, bounds, count - 1)).status == "VERIFIED"


def test_the_counts_are_of_some_size(emitter: Any) -> None:
    """The models are neither all right nor all wrong for the rule, and joint bounds count more."""
    models = [getattr(emitter, kind)(*arguments) for kind, arguments in MODELS]
    counts = [(documented(model, True), documented(model, False)) for model in models]
    assert sum(joint > separate for joint, separate in counts) >= 2
    assert sum(separate > 10 for _, separate in counts) >= 3


def test_nothing_is_shown_wrong(emitter: Any, judge: Any) -> None:
    """An upper bound below the number of inputs does not follow from this rule, however true it is."""
    model = emitter.pulled_model(0, 4, 3, 0.3)
    refused = judge(model, emitter.certificate(model, RULE, {"bounds": "joint"}, 0, 63))
    assert refused.code == "E216" and "right_high" in refused.line


@pytest.mark.parametrize("arguments", [(0, 4, 3), (1, 3, 4), (5, 5, 2)])
def test_ties_are_not_counted(emitter: Any, tmp_path: Any, arguments: tuple[int, ...]) -> None:
    """Networks with planted ties: each cell counts at most its right sequences."""
    model = emitter.tied_model(*arguments)
    budget = Budget(10**9)
    read = network.read_network(str(emitter.write(model, tmp_path)), budget)
    margins = Margins(paths.path_matrices(read, budget), read.head, budget)
    for joint, (q, m) in itertools.product((True, False), margins.cells):
        bounds = rule_cubic.logit_bounds(margins, m, joint)[q]
        count = rule_cubic.count_cell(margins, rule_cubic.attention(margins, q), bounds, q, m)
        assert 0 <= count <= sum(model.right((*free, q)) for free in model.sequences(q, m))


def test_workers_count_the_same(emitter: Any, judge: Any) -> None:
    """Shared among processes the sum is the same."""
    model = emitter.pulled_model(0, 5, 4, 0.3)
    count = documented(model, True)
    for jobs in (2, 3):
        assert judge(model, certificate(emitter, model, "joint", count), jobs=jobs).status == "VERIFIED"
        assert judge(model, certificate(emitter, model, "joint", count + 1), jobs=jobs).code == "E216"


def test_a_small_budget_is_refused(emitter: Any, judge: Any) -> None:
    """The steps are charged: a budget below the work ends in E242."""
    model = emitter.pulled_model(0, 5, 4, 0.3)
    made = certificate(emitter, model, "joint", 0)
    needed = next(steps for steps in range(500, 100000, 500) if judge(model, made, budget=steps).status == "VERIFIED")
    assert judge(model, made, budget=needed - 500).code == "E242"


@pytest.mark.parametrize(
    "advice", ['{"bounds":"tight"}', '{"bounds":""}', '{"bounds":true}', "{}", '{"bounds":"joint","x":0}', '"joint"']
)
def test_other_advice_is_malformed(advice: str) -> None:
    """The bounds are joint or separate; anything else is E110, at its place."""
    with pytest.raises(Failure) as caught:
        rule_cubic.read_advice(Reader(advice.encode()))
    assert caught.value.code is Code.E110


def test_times_is_above_every_product() -> None:
    """The end of the weight that makes the product larger is taken, by the sign of the bound."""
    assert [rule_cubic.times(3, 5, bound) for bound in (-2, 0, 2)] == [-6, 0, 10]


def test_one_position_of_small_weight(emitter: Any, judge: Any) -> None:
    """With one position its weight does not matter, be it exp(-1000)."""
    onehot = np.eye(2)
    tensors = {name: np.zeros((2, 2)) for name in ("W_K", "W_O", "W_Q", "W_V")}
    biases = {"b_Q": np.array([1000.0, 0]), "b_K": np.array([-1.5, 0])}
    model = emitter.Model(tensors | biases | {"W_E": onehot, "W_U": onehot, "W_pos": np.zeros((1, 2))})
    for bounds in BOUNDS:
        assert judge(model, certificate(emitter, model, bounds, 2)).status == "VERIFIED"
