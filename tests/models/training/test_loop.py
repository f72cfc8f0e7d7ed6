"""The training loop: data stream, optimiser, checkpoints, reproducibility."""

from dataclasses import replace

import pytest

from mechproof.models.training import BadRecipe, Recipe, TrainingDiverged, initial_state, logits, train
from mechproof.models.training.loop import batches

torch = pytest.importorskip("torch")

TINY = Recipe(n_ctx=2, d_vocab=4, d_model=6, seed=3, steps=12, batch=16)


def test_batches_are_the_published_stream_of_single_draws():
    """Protects the data: a batch at once must read the generator as one-by-one draws do."""
    recipe = Recipe(n_ctx=5, d_vocab=7, steps=3, batch=9)
    generator = torch.Generator().manual_seed(recipe.train_seed)
    singles = torch.stack([torch.randint(0, 7, (5,), generator=generator) for _ in range(27)])
    assert torch.equal(torch.cat(list(batches(recipe))), singles)


def test_first_step_is_adamw_on_the_cross_entropy():
    """Protects optimiser and loss: the first update has a closed form, w(1 - lr wd) - lr g/(|g| + eps)."""
    recipe = Recipe(n_ctx=2, d_vocab=4, d_model=6, steps=1, lr=0.01, weight_decay=0.5)
    before = {name: tensor.requires_grad_() for name, tensor in initial_state(recipe).items()}
    (tokens,) = batches(recipe)
    value = torch.nn.functional.cross_entropy(logits(before, tokens), tokens.max(1).values)
    after = train(recipe)[1]
    for name in ("embed.W_E", "blocks.0.attn.W_V", "unembed.W_U"):
        (g,) = torch.autograd.grad(value, before[name], retain_graph=True)
        w = before[name].detach()
        expected = w * (1 - recipe.lr * recipe.weight_decay) - recipe.lr * g / (g.abs() + recipe.eps)
        clear = g.abs() > 1e-4
        assert clear.any()
        assert torch.allclose(after[name][clear], expected[clear], rtol=0, atol=1e-6), name


def test_checkpoints_are_the_states_of_shorter_runs():
    """Protects checkpoints: copies at the asked steps, the last step always, nothing overwritten later."""
    states = train(TINY, checkpoints=(0, 5))
    assert sorted(states) == [0, 5, 12]
    for step, state in states.items():
        alone = train(replace(TINY, steps=step))[step]
        assert all(torch.equal(state[name], alone[name]) for name in alone)
    assert not torch.equal(states[5]["embed.W_E"], states[12]["embed.W_E"])


def test_training_twice_gives_the_same_bits_whatever_the_threads():
    """Protects reproducibility: shipped hashes rest on it; torch's thread setting must not leak in or out."""
    before = torch.get_num_threads()
    first = train(TINY)[12]
    torch.set_num_threads(before + 1)
    try:
        second = train(TINY)[12]
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("field", "value"),
    [("seed", 4), ("steps", 11), ("batch", 17), ("lr", 2e-3), ("betas", (0.8, 0.999)), ("betas", (0.9, 0.99)),
     ("eps", 1e-3), ("weight_decay", 0.5)],
)  # fmt: skip
def test_every_number_of_the_recipe_matters(field, value):
    """Protects against a number that is recorded in the file and ignored in training."""
    other = replace(TINY, **{field: value})
    assert not torch.equal(train(TINY)[12]["embed.W_E"], train(other)[other.steps]["embed.W_E"])


def test_biases_stay_zero_and_weights_are_trained():
    """Protects the published zero biases, which proofs rely on, and that no weight is left out."""
    states = train(TINY, checkpoints=(0,))
    for name, tensor in states[12].items():
        assert not tensor.requires_grad
        if ".b_" in name:
            assert not tensor.any(), name
        else:
            assert not torch.equal(tensor, states[0][name]), name


def test_loss_falls_and_every_step_is_reported():
    """Protects learning itself and the progress callback."""
    seen = []
    train(Recipe(n_ctx=2, d_vocab=4, d_model=8, steps=300, batch=64, lr=1e-2), on_step=lambda *x: seen.append(x))
    assert [step for step, _ in seen] == list(range(1, 301))
    assert seen[-1][1] < seen[0][1] / 10


def test_a_callback_that_raises_stops_training_and_restores_threads():
    """Protects the caller's torch settings when a run is interrupted."""

    def stop(step, value):
        raise KeyboardInterrupt

    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(TINY, on_step=stop)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("checkpoint", [-1, 13])
def test_a_checkpoint_that_is_never_reached_is_refused(checkpoint):
    """Protects callers from an answer without the step they asked for."""
    with pytest.raises(BadRecipe, match=rf"checkpoint must be in 0 ... 12, found {checkpoint}"):
        train(TINY, checkpoints=(checkpoint,))


def test_divergence_is_an_error_that_names_the_tensor():
    """Protects against writing a file of NaNs that every reader refuses later."""
    with pytest.raises(TrainingDiverged) as caught:
        train(replace(TINY, lr=1e30))
    assert caught.value.step == 12
    assert caught.value.tensor in str(caught.value)
