"""Attention scores that the checker refuses (E241) are refused by the prover: what one half takes the other takes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from mechproof.claims.session import Session
from mechproof.claims.syntax import parse
from mechproof.engine.certificate import emit
from mechproof.engine.errors import MagnitudeError
from mechproof.models.problem import statement_of
from mechproof.rewrites.strategies import prove_accuracy, prove_loss

PROVERS = [
    *((prove_accuracy, name) for name in ("branch_and_bound", "separable", "cubic", "vertex", "story", "subcubic")),
    *((prove_loss, name) for name in ("branch_and_bound", "cubic", "subcubic", "story")),
]


def scaled(emitter: Any, largest: float) -> Any:
    """A network whose largest score is about so large."""
    model = emitter.pulled_model(0, 4, 3, 0.1)
    values = (np.array(table[0], dtype=float) * 2.0 ** table[1] for table in (model.paths["EQKE"], model.paths["EQKP"]))
    now = max(float(np.abs(value).max()) for value in values) / model.tensors["W_Q"].shape[1] ** 0.5
    return emitter.Model(
        {n: a * np.float32(largest / now) if n in ("W_Q", "b_Q") else a for n, a in model.tensors.items()}
    )


@pytest.mark.parametrize("size", [2**20.9, 2**21.2, 2**23, 2**24, 2**25, 2**30])
@pytest.mark.parametrize(("prove", "name"), PROVERS)
def test_scores_that_are_proved_are_checked(
    emitter: Any, judge: Any, tmp_path: Any, prove: Any, name: str, size: float
) -> None:
    """Either the prover says that scores are too large, or its certificate is verified; below 2^21 it is."""
    model = scaled(emitter, size)
    statement = statement_of(emitter.write(model, tmp_path))
    try:
        graph, goal = prove(statement, name)
    except MagnitudeError as error:
        assert size > 2**21 and error.what == "the exponential of an attention score"
    else:
        found = judge(model, json.loads(emit(graph, goal, statement.sha256)))
        assert found.status == "VERIFIED", found.line
        assert size < 2**21 or name == "story"


def test_claims_about_large_scores_stay_open(emitter: Any, tmp_path: Any) -> None:
    """A claim about sequences is undecided; one about matrices alone is decided."""
    statement = statement_of(emitter.write(scaled(emitter, 2**25), tmp_path))
    session = Session("large", statement, outputs=4)
    assert session.settle(parse("max(logits(0, 1, 2)) > 0")).status == "UNDECIDED"
    assert session.settle(parse("max(EQKE) > 2^20")).status == "PROVED"
