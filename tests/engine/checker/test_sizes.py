"""More tokens than other tests have, as many positions as the checker takes, and several processes."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from loss_certificates import found as found_sums
from loss_certificates import state
from shares import shared_out

from mechproof.engine.certificate import emit
from mechproof.models.problem import statement_of
from mechproof.rewrites.strategies import prove_accuracy, prove_loss

MANY, LONG = (0, 9, 3, 0.2), (0, 2, 256, 0.0)


def certificate(emitter: Any, model: Any, folder: Any, prove: Any, name: str) -> Any:
    """The prover's."""
    statement = statement_of(emitter.write(model, folder))
    graph, goal = prove(statement, name)
    return json.loads(emit(graph, goal, statement.sha256))


@pytest.mark.ci
@pytest.mark.parametrize("name", ["vertex", "cubic"])
def test_nine_tokens(emitter: Any, judge: Any, tmp_path: Any, name: str) -> None:
    """What is counted is right: no field of a packed vector runs into its neighbour; one more is refused."""
    model = emitter.pulled_model(*MANY)
    truth = model.truth()
    given = certificate(emitter, model, tmp_path, prove_accuracy, name)
    found = judge(model, given, jobs=3)
    assert found == judge(model, given)
    assert found.status == "VERIFIED" and 0 < found.right_low <= truth
    for stated in (given["relation"], *(step["conclusion"] for step in given["derivations"])):
        if "right_low" in stated:
            stated["right_low"] = hex(truth + 1)
    assert judge(model, given, jobs=3).status == "REFUSED"


@pytest.mark.parametrize("name", ["separable", "cubic"])
def test_losses_of_nine_tokens(emitter: Any, judge: Any, tmp_path: Any, name: str) -> None:
    """Bounds of the loss that are verified by one process and by three, and refused when they are closer."""
    model = emitter.pulled_model(*MANY)
    given = certificate(emitter, model, tmp_path, prove_loss, name)
    assert judge(model, given) == judge(model, given, jobs=3)
    assert judge(model, given).status == "VERIFIED"
    low, high = found_sums(judge, model, given)
    assert judge(model, state(given, model, low, high), jobs=3).status == "VERIFIED"
    assert judge(model, state(given, model, low, high - 1), jobs=3).status == "REFUSED"


LONG_RUNS = [("cubic", range(3)), ("cubic", range(3, 30)), ("vertex", range(30))]


@pytest.mark.parametrize("run", shared_out(LONG_RUNS, kept=LONG_RUNS[:1]), ids=str)
def test_as_many_positions_as_are_read(emitter: Any, judge: Any, tmp_path: Any, run: tuple[str, range]) -> None:
    """256 positions: verified, a number of a thousand bits and all; a changed certificate is a verdict."""
    name, changes = run
    model = emitter.pulled_model(*LONG)
    given = certificate(emitter, model, tmp_path, prove_accuracy, name)
    found = judge(model, given, jobs=2)
    assert found.status == "VERIFIED" and found.inputs == 2**256
    text = bytearray(emitter.text(given))
    for seed in changes:
        rng = random.Random(seed)
        changed = bytearray(text)
        changed[rng.randrange(len(changed))] = rng.choice(b'0123456789abcdef"[]{},')
        spoiled = judge(model, bytes(changed), jobs=2)
        assert spoiled == found or (spoiled.exit_code and spoiled.code != "E245"), spoiled.line
