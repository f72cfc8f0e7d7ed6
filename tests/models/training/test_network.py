"""Initial weights, forward pass and loss against independent, slower ways to the same numbers."""

import math

import numpy as np
import pytest

from mechproof.models.training import Recipe, initial_state, logits, loss
from mechproof.models.training.network import shapes

torch = pytest.importorskip("torch")

SMALL = Recipe(n_ctx=3, d_vocab=5, d_model=6, d_head=4, seed=7)


def random_state(recipe, seed):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes(recipe).items()}


def slow_logits(state, sequence):
    """The definition, token by token, in float64: softmax attention of the last position, then unembedding."""
    w = {name.rpartition(".")[2]: tensor.numpy().astype(np.float64) for name, tensor in state.items()}
    q, k, v, o = (w[f"W_{x}"][0] for x in "QKVO")
    x = [w["W_E"][token] + w["W_pos"][p] for p, token in enumerate(sequence)]
    query = x[-1] @ q + w["b_Q"][0]
    weights = [math.exp(query @ (x_p @ k + w["b_K"][0]) / math.sqrt(q.shape[1])) for x_p in x]
    head = sum(a * (x_p @ v + w["b_V"][0]) for a, x_p in zip(weights, x, strict=True)) / sum(weights)
    return (x[-1] + head @ o + w["b_O"]) @ w["W_U"] + w["b_U"]


@pytest.mark.parametrize("seed", range(3))
def test_logits_follow_the_definition(seed):
    """Protects the semantics: scale, positions, head width other than d_model, every bias."""
    state = random_state(SMALL, seed)
    tokens = torch.randint(0, 5, (40, 3), generator=torch.Generator().manual_seed(seed))
    expected = np.array([slow_logits(state, sequence) for sequence in tokens.tolist()])
    np.testing.assert_allclose(logits(state, tokens).numpy(), expected, rtol=1e-4, atol=1e-4)


def test_initial_weights_are_drawn_as_the_published_models_were():
    """Protects seed, order and scale of the draws: TransformerLens fills its W_ parameters in this order."""
    state = initial_state(SMALL)
    torch.manual_seed(SMALL.model_seed)
    for name in ("embed.W_E", "pos_embed.W_pos", *(f"blocks.0.attn.W_{x}" for x in "QOKV"), "unembed.W_U"):
        expected = torch.nn.init.normal_(torch.empty(state[name].shape), std=0.8 / math.sqrt(SMALL.d_model))
        assert torch.equal(state[name], expected), name


def test_initial_spread_is_eight_tenths_over_root_d_model():
    """Protects the scale by itself, at a size where a sample tells it."""
    spread = initial_state(Recipe(d_vocab=2000, d_model=25))["embed.W_E"].std().item()
    assert abs(spread - 0.8 / 5) < 0.002


def test_shapes_are_those_of_transformer_lens():
    """Protects the file format: heads axis on the attention weights, none on the output bias."""
    assert {name: tuple(tensor.shape) for name, tensor in initial_state(SMALL).items()} == {
        "embed.W_E": (5, 6), "pos_embed.W_pos": (3, 6), "unembed.W_U": (6, 5), "unembed.b_U": (5,),
        "blocks.0.attn.W_Q": (1, 6, 4), "blocks.0.attn.W_K": (1, 6, 4), "blocks.0.attn.W_V": (1, 6, 4),
        "blocks.0.attn.W_O": (1, 4, 6), "blocks.0.attn.b_Q": (1, 4), "blocks.0.attn.b_K": (1, 4),
        "blocks.0.attn.b_V": (1, 4), "blocks.0.attn.b_O": (6,),
    }  # fmt: skip


def test_loss_is_the_cross_entropy_of_the_largest_token():
    """Protects the target and the mean."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(50, 5, generator=generator, dtype=torch.float64)
    tokens = torch.randint(0, 5, (50, 3), generator=generator)
    expected = torch.nn.functional.cross_entropy(values, tokens.max(1).values)
    assert abs(loss(values, tokens).item() - expected.item()) < 1e-12


def test_loss_keeps_digits_that_a_plain_logarithm_loses():
    """Protects the log1p form: in float32, log(1 + exp(-30)) is zero and its gradient with it."""
    values = torch.tensor([[0.0, 30.0]])
    assert loss(values, torch.tensor([[0, 1]])).item() == pytest.approx(math.exp(-30), rel=1e-5, abs=0)
