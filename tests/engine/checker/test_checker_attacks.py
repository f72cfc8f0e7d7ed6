"""False or mangled certificates are not verified."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from json_leaves import leaf_at, places, replaced, variants


@pytest.fixture(scope="module")
def model(emitter: Any) -> Any:
    """A model with right and wrong sequences in many cells."""
    return emitter.pulled_model(0, 4, 3, 0.3)


@pytest.mark.parametrize("emit", ["tree_certificate", "triples_certificate"])
def test_no_field_can_be_changed(emitter: Any, judge: Any, model: Any, emit: str) -> None:
    """Every field matters: a changed one is refused, unless what is then claimed is weaker and still true."""
    certificate = getattr(emitter, emit)(model)
    truth = model.truth()
    tried = 0
    for path in places(certificate):
        leaf = leaf_at(certificate, path)
        for new in variants(leaf):
            if new == leaf:
                continue
            tried += 1
            verdict = judge(model, replaced(certificate, path, new))
            weaker = path[0] == "relation" or "triples" in path
            assert verdict.exit_code in (1, 2) or weaker, (path, new, verdict.line)
            if verdict.exit_code == 0:
                assert verdict.right_low <= truth <= verdict.right_high, (path, new, verdict.line)
    assert tried > 100


@pytest.mark.parametrize(
    ("side", "off", "code"), [("right_low", 1, "E216"), ("right_high", -1, "E216"), ("inputs", 1, "E202")]
)
def test_counts_off_by_one(emitter: Any, judge: Any, small: Any, side: str, off: int, code: str) -> None:
    """A count claimed one too good everywhere in the certificate is refused by the rule that counts."""
    certificate = emitter.tree_certificate(small, frozenset({(0, 2)}))
    assert judge(small, certificate).status == "VERIFIED"
    for path in places(certificate):
        if path[-1] == side:
            at = leaf_at(certificate, path[:-1])
            at[side] = hex(int(at[side], 16) + off)
    assert judge(small, certificate).code == code


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [("pulled_model", (0, 4, 3, 0.3)), ("tied_model", (0, 3, 4)), ("pulled_model", (2, 3, 2, 0.5))],
)
def test_every_false_symbol_is_refused(emitter: Any, judge: Any, kind: str, arguments: tuple[Any, ...]) -> None:
    """Each symbol of a tree is replaced by each other verdict that is false on some sequence of its node."""
    model = getattr(emitter, kind)(*arguments)
    emitted = emitter.TreeEmitter(model)
    leaves = iter(emitted.log)
    refused = 0
    for place, symbol in enumerate(emitted.symbols):
        if symbol == "S":
            continue
        q, m, _, sequences = next(leaves)
        others = [x for x in range(model.V) if x != m]
        signs = {x: [model.sign(q, m, x, s) for s in sequences] for x in others}
        false = ["R"] if any(max(values) >= 0 for values in signs.values()) else []
        false += [f"W{x}" for x in others if min(signs[x]) < 0]
        for lie in false:
            tree = "".join([*emitted.symbols[:place], lie, *emitted.symbols[place + 1 :]])
            advice = emitter.tree_advice(model, tree)
            verdict = judge(model, emitter.certificate(model, emitter.TREE, advice, 0, model.V**model.K))
            assert verdict.code == ("E224" if lie == "R" else "E225"), (place, symbol, lie, verdict.line)
            refused += 1
    assert refused >= 10


def tree_verdict(emitter: Any, judge: Any, model: Any, tree: str) -> Any:
    """The verdict for a tree that is asked to prove nothing."""
    advice = emitter.tree_advice(model, tree)
    return judge(model, emitter.certificate(model, emitter.TREE, advice, 0, model.V**model.K))


def test_broken_trees(emitter: Any, judge: Any, model: Any) -> None:
    """Trees that end early, go on, split a sequence, name no wrong token, or hold other symbols."""
    tree = emitter.tree_certificate(model)["derivations"][3]["advice"]["tree"]
    assert tree_verdict(emitter, judge, model, tree).status == "VERIFIED"
    assert tree_verdict(emitter, judge, model, tree[:-1]).code == "E220"
    assert tree_verdict(emitter, judge, model, "").code == "E220"
    assert tree_verdict(emitter, judge, model, tree + "R").code == "E221"
    assert tree_verdict(emitter, judge, model, "SSSS" + tree[2:]).code == "E223"
    assert tree.startswith("W2")
    assert tree_verdict(emitter, judge, model, "SS" + tree).status == "VERIFIED"
    assert tree_verdict(emitter, judge, model, "W0" + tree[2:]).code == "E226"
    assert tree_verdict(emitter, judge, model, "W4" + tree[2:]).code == "E226"
    assert tree_verdict(emitter, judge, model, "0" + tree[2:]).code == "E222"
    assert tree_verdict(emitter, judge, model, "WS" + tree[2:]).code == "E222"
    assert tree_verdict(emitter, judge, model, "W").code == "E222"
    assert tree_verdict(emitter, judge, model, "S" * 10_000).code == "E223"


def test_only_the_claim(emitter: Any, judge: Any, model: Any) -> None:
    """A certificate without a proof is refused: no derivations, or fewer than reach the claim."""
    certificate = emitter.tree_certificate(model)
    derivations = certificate["derivations"]
    for count, code in ((0, "E215"), (1, "E204"), (3, "E204"), (4, "E204")):
        assert judge(model, certificate | {"derivations": derivations[:count]}).code == code
    alone = derivations[4] | {"id": 0, "premises": []}
    assert judge(model, certificate | {"derivations": [alone]}).code == "E211"


def test_wrong_premises(emitter: Any, judge: Any, model: Any) -> None:
    """Premises must be earlier derivations of the right kind and number, and every derivation must be used."""
    certificate = emitter.tree_certificate(model)

    def with_premises(number: int, premises: list[int]) -> Any:
        return judge(model, replaced(certificate, ("derivations", number, "premises"), premises)).code

    assert [with_premises(3, [i]) for i in (0, 1, 3, 4, -1)] == ["E211", "E211", "E212", "E212", "E212"]
    assert with_premises(4, [2]) == "E211"
    assert with_premises(4, [3, 3]) == "E211"
    assert with_premises(1, []) == "E211"
    assert judge(model, replaced(certificate, ("derivations", 2, "id"), 3)).code == "E214"
    assert judge(model, replaced(certificate, ("derivations", 2, "rule"), "strategy/1")).code == "E210"
    twice = copy.deepcopy(certificate)
    twice["derivations"].append(twice["derivations"][4] | {"id": 5})
    assert judge(model, twice).code == "E213"


def test_another_network_or_statement(emitter: Any, judge: Any, model: Any, small: Any) -> None:
    """A certificate of one network proves nothing of another, even when only its header is adapted."""
    certificate = emitter.tree_certificate(model)
    assert judge(small, certificate).code == "E201"
    certificate["statement"] = small.statement
    assert judge(small, certificate).code == "E201"
    certificate["derivations"][0]["conclusion"]["statement"] = small.statement
    assert judge(small, certificate).code == "E216"


def test_impossible_relations(emitter: Any, judge: Any, model: Any) -> None:
    """A relation must have 0 <= low <= high <= inputs, whatever the proof implies."""
    certificate = emitter.tree_certificate(model)
    for side, value in (("right_low", "-0x1"), ("right_high", "0x41"), ("right_low", "0x40")):
        assert judge(model, replaced(certificate, ("relation", side), value)).code == "E203"


@pytest.fixture(scope="module")
def triples(emitter: Any, model: Any) -> Any:
    """A certificate by triples."""
    return emitter.triples_certificate(model)


def test_bad_triples(judge: Any, model: Any, triples: Any) -> None:
    """Triples out of order or range, or with steps that are too fine, are refused with their code."""
    place = ("derivations", 3, "advice", "triples")
    given = triples["derivations"][3]["advice"]["triples"]
    q, m, x, e = given[0]

    def code(first: list[Any]) -> str:
        return judge(model, replaced(triples, place, [first, *given[1:]])).code

    assert judge(model, replaced(triples, place, [given[0], *given])).code == "E230"
    assert judge(model, replaced(triples, place, given[::-1])).code == "E230"
    assert code([m + 1, m, x, e]) == "E230"
    assert code([q, m, m, e]) == "E230"
    assert code([q, m, 4, e]) == "E230"
    assert code([q, m, -1, e]) == "E230"
    assert code([-1, m, x, e]) == "E230"
    assert judge(model, replaced(triples, place, [*given, [0, 4, 0, e]])).code == "E230"
    assert code([q, m, x, -(2**31) + 1]) == "E234"
    q, m, x, e = given[-1]
    assert judge(model, replaced(triples, place, [*given[:-1], [q, m, x, e - 40]])).code == "E235"


def test_omitted_triples_cost_their_cell(emitter: Any, judge: Any, model: Any, triples: Any) -> None:
    """A wrong token without a triple makes its whole cell unknown; without any triple only inactive cells count."""
    advice: dict[str, Any] = {"triples": []}
    active = {tuple(t[:2]) for t in triples["derivations"][3]["advice"]["triples"]}
    silent = sum(model.size(q, m) for q, m in model.cells() if (q, m) not in active)
    assert 0 < silent < 64
    assert judge(model, emitter.certificate(model, emitter.TRIPLES, advice, silent, 64)).status == "VERIFIED"
    assert judge(model, emitter.certificate(model, emitter.TRIPLES, advice, silent + 1, 64)).code == "E216"
    assert judge(model, emitter.certificate(model, emitter.TRIPLES, advice, silent, 63)).code == "E216"


@pytest.mark.parametrize("name", ["W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U", "b_Q", "b_K", "b_V", "b_O", "b_U"])
def test_every_weight_matters(emitter: Any, judge: Any, small: Any, name: str) -> None:
    """One unit in the last place of any tensor makes another statement."""
    certificate = emitter.tree_certificate(small)
    changed = dict(small.tensors)
    changed[name] = changed[name].copy()
    changed[name].flat[-1] = np.nextafter(changed[name].flat[-1], np.float32(9))
    assert judge(emitter.Model(changed), certificate).code == "E201"


def test_swapped_paths(emitter: Any, judge: Any, small: Any) -> None:
    """A false hash of any path matrix is refused."""
    certificate = emitter.tree_certificate(small)
    for name in ("UU", "EVOU", "PVOU", "EQKE", "EQKP"):
        verdict = judge(small, replaced(certificate, ("derivations", 1, "conclusion", name), "0" * 64))
        assert verdict.code == "E216"
        assert name in verdict.message
