"""Networks trained on induction: the written file is what was trained, recipes and commands that make no sense."""

from __future__ import annotations

import pytest

from mechproof.engine.errors import MechproofError
from mechproof.models.problem import statement_of
from mechproof.models.training.errors import BadRecipe
from mechproof.models.training.induction import InductionRecipe, batch, logits, save_induction, train_induction
from mechproof.rewrites.enumeration import decide

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("heads", [1, 2])
def test_the_network_file_describes_what_was_trained(heads, tmp_path):
    """Exact decisions beside a float64 run of the training code, on every input: they agree where floats are clear."""
    recipe = InductionRecipe(n_ctx=4, d_vocab=5, d_model=8, d_head=4, heads=heads, steps=60, batch=32)
    states = train_induction(recipe, [0, 60])
    state = {name: tensor.double() for name, tensor in states[60].items()}
    statement = statement_of(save_induction(recipe, states[60], tmp_path), "induction")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{recipe.name}.safetensors", f"{recipe.name}.toml"]
    inputs = torch.tensor([row for block in statement.task.inputs.blocks(1000) for row in block.tolist()])
    right = torch.tensor(statement.task.answer(inputs.numpy()))
    found = logits(recipe, state, inputs)
    own = found.gather(1, right)[:, 0]
    rivals = found.scatter(1, right, -torch.inf).amax(1)
    assert ((own - rivals).abs() > 1e-6).all()
    decision = decide(statement.network, statement.task)  # type: ignore[arg-type]
    assert decision.right == int((own > rivals).sum()) and not decision.undecided


def test_inputs_are_those_of_the_task_and_training_repeats_itself():
    """All but the last differ, the last repeats, the answer follows; one seed, one network; the loss falls."""
    recipe = InductionRecipe(n_ctx=4, d_vocab=6, d_model=8, d_head=4, steps=80, batch=64)
    tokens, right = batch(recipe, torch.Generator().manual_seed(1))
    for row, answer in zip(tokens.tolist(), right.tolist(), strict=True):
        *before, last = row
        assert len(set(before)) == 3 and last in before[:-1] and answer == before[before.index(last) + 1]
    losses: list[float] = []
    one = train_induction(recipe, on_step=lambda _, loss: losses.append(loss))[80]
    two = train_induction(recipe)[80]
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert sum(losses[-10:]) < sum(losses[:10])


@pytest.mark.parametrize("wrong", [{"n_ctx": 2}, {"d_vocab": 4}, {"heads": 0}, {"d_head": 0}, {"steps": -1}])
def test_recipes_that_make_no_sense_are_refused(wrong):
    """A sentence that names the number."""
    with pytest.raises(BadRecipe, match=next(iter(wrong))):
        InductionRecipe(**wrong)


def test_checkpoints_outside_of_the_training_are_refused():
    """Before anything is trained."""
    with pytest.raises(MechproofError, match="checkpoint"):
        train_induction(InductionRecipe(steps=3), [4])
