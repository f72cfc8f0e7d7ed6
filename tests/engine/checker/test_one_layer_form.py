"""Rules about path matrices are for networks that have them: every other network or task is refused by name (E218)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import layered_network as reference
import numpy as np
import pytest
from auditors import auditor_of, view_of

from mechproof.engine.checker import check
from mechproof.engine.checker.errors import Code, Failure
from mechproof.engine.checker.one_layer.counts import View

DRAW = reference.Draw(7, eighths=True)
LAYERS: reference.Layers = [
    DRAW.embed(4, 3, 2),
    DRAW.attention(3, 1, 2, 2, scale="1/sqrt(2)"),
    DRAW.unembed(3, 4),
]


def changed(at: int, **changes: Any) -> reference.Layers:
    """The network with another layer at this place."""
    return [layer | (changes if n == at else {}) for n, layer in enumerate(LAYERS)]


OTHERS = [
    (changed(1, **DRAW.attention(3, 2, 2, 2)), "max-of-k", "several tables or heads"),
    (changed(1, **DRAW.attention(3, 1, 2, 3)), "max-of-k", "values of another width"),
    (changed(1, mask="none"), "max-of-k", "no causal mask"),
    (changed(1, scale="1/2"), "max-of-k", "scores are scaled by 1/2"),
    (changed(1, norm=DRAW.norm(3)), "max-of-k", "there is a norm"),
    (changed(2, norm=DRAW.norm(3)), "max-of-k", "there is a norm"),
    ([LAYERS[0], DRAW.mlp(3, 3, "relu"), LAYERS[2]], "max-of-k", "the layers are embed, mlp, unembed"),
    ([LAYERS[0], LAYERS[1], LAYERS[1], LAYERS[2]], "max-of-k", "the layers are embed, attention, attention, unembed"),
    ([LAYERS[0] | {"E": DRAW(5, 3)}, *LAYERS[1:]], "max-of-k", "as many tokens as there are outputs"),
    (LAYERS, "kth-max:2", "the right answer is another"),
    (LAYERS, "modular-addition:3", "the inputs are not all sequences"),
]


def test_the_form_has_the_network_s_numbers(tmp_path: Path) -> None:
    """All twelve, biases as rows; biases that the file does not hold are zero."""
    own = view_of(reference.write(LAYERS, tmp_path)).network
    assert (own.vocabulary, own.positions, own.model, own.head) == (4, 2, 3, 2)
    stored = {"W_E": LAYERS[0]["E"], "W_pos": LAYERS[0]["P"], "W_U": LAYERS[2]["W_U"], "b_U": LAYERS[2]["b_U"]}
    stored |= {name: array for name, array in LAYERS[1].items() if name[:2] in ("W_", "b_")}
    for name, matrix in own.tensors.items():
        found = np.array(matrix.rows, dtype=float) * 2.0**matrix.exponent
        assert (found.ravel() == stored[name].ravel()).all(), name
    plain = [{k: v for k, v in layer.items() if not k.startswith("b_")} for layer in LAYERS]
    zero = view_of(reference.write(plain, tmp_path)).network.tensors
    assert [zero[name].rows for name in ("b_Q", "b_O", "b_U")] == [((0, 0),), ((0, 0, 0),), ((0, 0, 0, 0),)]


@pytest.mark.parametrize(("layers", "task", "why"), OTHERS)
def test_other_forms_are_refused(tmp_path: Path, layers: reference.Layers, task: str, why: str) -> None:
    """Nothing that rests on path matrices is verified of a network or a task that has none."""
    path = reference.write(layers, tmp_path)
    auditor = auditor_of(path, task=task)
    with pytest.raises(Failure) as refused:
        _ = auditor.of(View).network
    assert refused.value.code is Code.E218
    assert why in str(refused.value.data["why"])
    certificate = json.loads(reference.certificate(auditor.statement, 0, auditor.inputs, auditor.inputs))
    paths = {"kind": "paths", **dict.fromkeys(("UU", "EVOU", "PVOU", "EQKE", "EQKP"), "0" * 64)}
    certificate["derivations"][1:] = [
        {"id": 1, "rule": "path_decomposition/1", "premises": [0], "advice": {}, "conclusion": paths},
        certificate["derivations"][1] | {"id": 2, "rule": "right_cells/1", "premises": [1], "advice": {"sets": []}},
        certificate["derivations"][2] | {"id": 3, "premises": [2]},
    ]
    (tmp_path / "c.json").write_text(json.dumps(certificate, separators=(",", ":")) + "\n")
    assert check(tmp_path / "c.json", path, task).code == "E218"
