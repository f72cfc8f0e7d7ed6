"""The Python interface, as the README shows it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mechproof
from mechproof.engine.errors import MechproofError
from mechproof.models.weights.convert import convert

DATA = Path(__file__).parent / "data"
TIED = DATA / "unsound_averaging" / "total_v8_k4.npz"


def test_the_readme_example_runs(monkeypatch, tmp_path, capsys):
    """Every line of the README's Python block works on a real file."""
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    code = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert len(code) == 1
    convert(TIED, tmp_path / "model.safetensors")
    monkeypatch.chdir(tmp_path)

    exec(code[0], {})

    printed = capsys.readouterr().out
    assert "s PROVED accuracy = 513/4096" in printed
    assert "s VERIFIED accuracy = 513/4096" in printed
    assert "token_order_tree/1" in printed


@dataclass
class Config:
    """What a HookedTransformer's cfg says of such a network."""

    n_layers: int = 1
    n_heads: int = 1
    d_model: int = 32
    d_head: int = 32
    d_vocab: int = 8
    d_vocab_out: int = 8
    n_ctx: int = 4
    attn_only: bool = True
    normalization_type: str | None = None
    positional_embedding_type: str = "standard"
    attention_dir: str = "causal"
    use_attn_scale: bool = True
    attn_scale: float = 5.656854249492381
    device: str = "cpu"


@dataclass
class LiveModel:
    """Stands in for a HookedTransformer: a state dict with buffers, and a cfg."""

    tensors: dict[str, Any]
    cfg: Config = field(default_factory=Config)

    def state_dict(self) -> dict[str, Any]:
        return self.tensors


def live_model() -> LiveModel:
    torch = pytest.importorskip("torch")
    names = {"W_E": "embed.W_E", "W_pos": "pos_embed.W_pos", "W_U": "unembed.W_U"}
    tensors = {}
    for name, array in np.load(TIED).items():
        per_head = name not in names
        tensor = torch.from_numpy(array)
        tensors[names.get(name, f"blocks.0.attn.{name}")] = tensor[None] if per_head else tensor
    tensors["blocks.0.attn.mask"] = torch.tril(torch.ones((4, 4))).bool()
    tensors["blocks.0.attn.IGNORE"] = torch.tensor(-torch.inf)
    return LiveModel(tensors)


def test_a_live_model_and_its_file_give_the_same_statement():
    """The theorem is about the numbers, wherever they are."""
    live, stored = mechproof.prove(live_model()), mechproof.prove(TIED)

    assert live.verdict == stored.verdict


def test_a_live_model_with_a_norm_is_refused():
    """The configuration is believed where it says that there are norms: their tensors are missed."""
    model = live_model()
    model.cfg.normalization_type = "LN"

    with pytest.raises(MechproofError, match=r"tensor blocks\.0\.ln1\.w: expected it"):
        mechproof.prove(model)


def test_the_stored_graph_is_the_proof():
    """Replayed from the rules alone, every conclusion comes out again."""
    proof = mechproof.prove(TIED)

    replayed = proof.graph.replay()

    assert replayed.claim(proof.goal).identity() == proof.theorem.identity()


def test_certificates_are_the_same_bytes_every_time():
    """No timing, no order of a dict, no address enters a certificate."""
    assert mechproof.prove(TIED).certificate == mechproof.prove(TIED).certificate


def test_an_unknown_strategy_is_named_with_the_known_ones():
    """The sentence helps to the right name."""
    with pytest.raises(MechproofError, match="branch_and_bound"):
        mechproof.prove(TIED, strategy="guess")


def test_a_proof_shows_itself_in_a_notebook():
    """HTML and Markdown representations carry the theorem."""
    proof = mechproof.prove(TIED)

    assert "513" in proof._repr_html_() and "513/4096" in proof._repr_markdown_()
