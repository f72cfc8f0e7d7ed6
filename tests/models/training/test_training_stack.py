"""Stacks of other layers: the trained function is the one that the written network file describes."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from mechproof.__main__ import app
from mechproof.models.problem import statement_of
from mechproof.models.recognition.network_file import load_network
from mechproof.models.training.stack import StackRecipe, save_stack, stack_logits, train_stack
from mechproof.rewrites.enumeration import decide

torch = pytest.importorskip("torch")

RECIPES = (
    StackRecipe("norm", n_ctx=2, d_vocab=6, d_model=4, norm=True, steps=40),
    StackRecipe("heads", n_ctx=3, d_vocab=5, d_model=4, heads=2, steps=40),
    StackRecipe("gelu", n_ctx=2, d_vocab=6, d_model=4, d_mlp=5, act="gelu", norm=True, steps=40),
    StackRecipe("sum", n_ctx=2, d_vocab=5, d_model=4, heads=0, d_mlp=5, act="identity", modulus=5, steps=40),
)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_network_file_describes_what_was_trained(recipe, tmp_path):
    """Exact decisions beside a float64 run of the training code, on every input: they agree where floats are clear."""
    state = train_stack(recipe)
    statement = statement_of(save_stack(recipe, state, tmp_path), recipe.task)
    inputs = torch.cartesian_prod(*[torch.arange(recipe.d_vocab)] * recipe.n_ctx)
    logits = stack_logits(recipe, {name: tensor.double() for name, tensor in state.items()}, inputs)
    right = inputs.sum(1) % recipe.modulus if recipe.modulus else inputs.amax(1)
    own = logits.gather(1, right[:, None])[:, 0]
    rivals = logits.scatter(1, right[:, None], -torch.inf).amax(1)
    assert ((own - rivals).abs() > 1e-9).all()
    found = decide(statement.network, statement.task)  # type: ignore[arg-type]
    wrong = {tokens for tokens, _ in found.wrong_inputs()}
    assert wrong == {tuple(t) for t, bad in zip(inputs.tolist(), (own <= rivals).tolist(), strict=True) if bad}
    assert found.undecided == 0
    assert found.margin is not None and found.margin.lower is not None and found.margin.upper is not None
    assert float(found.margin.lower) - 1e-6 <= (own - rivals).min().item() <= float(found.margin.upper) + 1e-6


def test_stacks_by_the_command_line(tmp_path):
    """Two heads and an MLP: a network file that is read; what no stack can be is refused in a sentence."""
    given = ["train", "--heads", "2", "--mlp", "4", "--act", "gelu", "--k", "3", "--vocab", "5", "--d-model", "4"]
    found = CliRunner().invoke(app, [*given, "--steps", "2", "--out", str(tmp_path)])
    assert found.exit_code == 0 and found.output.strip().endswith("max_of_3_h2_gelu.toml")
    kinds = [layer.kind for layer in load_network(tmp_path / "max_of_3_h2_gelu.toml").layers]
    assert kinds == ["embed", "attention", "mlp", "unembed"]
    for bad in (["--heads", "3"], ["--act", "tanh"], ["--checkpoint", "1"]):
        assert CliRunner().invoke(app, [*given, *bad]).exit_code == 2
