"""Real networks in their authors' layouts, by network files that tests write."""

from __future__ import annotations

from pathlib import Path

from shared_data import shared

from mechproof.models.network import Network
from mechproof.models.recognition.network_file import load_network

GROUP_TRANSFORMER = """
weights = "{weights}"
[[layer]]
kind = "embed"
E = "embed.W_E"
P = "pos_embed.W_pos"
[[layer]]
kind = "attention"
scale = "1/sqrt(32)"
W_Q = "blocks.0.attn.W_Q"
W_K = "blocks.0.attn.W_K"
W_V = "blocks.0.attn.W_V"
W_O = "blocks.0.attn.W_O"
b_Q = "blocks.0.attn.b_Q"
b_K = "blocks.0.attn.b_K"
b_V = "blocks.0.attn.b_V"
b_O = "blocks.0.attn.b_O"
[[layer]]
kind = "mlp"
function = "relu"
W_in = "blocks.0.mlp.W_in"
b_in = "blocks.0.mlp.b_in"
W_out = "blocks.0.mlp.W_out"
b_out = "blocks.0.mlp.b_out"
[[layer]]
kind = "unembed"
W_U = "unembed.W_U"
b_U = "unembed.b_U"
"""
MODULAR_ADDITION = """
weights = "{weights}"
[[layer]]
kind = "embed"
E = {{ tensor = "embed.W_E", pattern = "d v -> v d" }}
P = "pos_embed.W_pos"
[[layer]]
kind = "attention"
scale = "1/sqrt(32)"
W_Q = {{ tensor = "blocks.0.attn.W_Q", pattern = "h e d -> h d e" }}
W_K = {{ tensor = "blocks.0.attn.W_K", pattern = "h e d -> h d e" }}
W_V = {{ tensor = "blocks.0.attn.W_V", pattern = "h e d -> h d e" }}
W_O = {{ tensor = "blocks.0.attn.W_O", pattern = "d (h e) -> h e d", sizes = {{ h = 4 }} }}
[[layer]]
kind = "mlp"
function = "relu"
W_in = {{ tensor = "blocks.0.mlp.W_in", pattern = "k d -> d k" }}
b_in = "blocks.0.mlp.b_in"
W_out = {{ tensor = "blocks.0.mlp.W_out", pattern = "d k -> k d" }}
b_out = "blocks.0.mlp.b_out"
[[layer]]
kind = "unembed"
W_U = {{ tensor = "unembed.W_U", columns = [0, 113] }}
"""
_INDUCTION_LAYER = """
[[layer]]
kind = "attention"
scale = "1/4"
W_Q = {{ tensor = "Q{n}", pattern = "d e -> 1 d e" }}
W_K = {{ tensor = "K{n}", pattern = "d e -> 1 d e" }}
W_V = {{ tensor = "V{n}", pattern = "d e -> 1 d e" }}
W_O = {{ tensor = "O{n}", pattern = "e d -> 1 e d" }}
"""
INDUCTION = (
    'weights = "{weights}"\n[[layer]]\nkind = "embed"\nE = "E"\nP = "P"\n'
    + _INDUCTION_LAYER.replace("{n}", "1")
    + _INDUCTION_LAYER.replace("{n}", "2")
    + '[[layer]]\nkind = "unembed"\nW_U = "U"\n'
)


def real_network(folder: Path, layout: str, name: str) -> Network:
    """The network of shared/data with this layout; skips the test where its weights are absent."""
    file = folder / "network.toml"
    file.write_text(layout.format(weights=shared(name)), "utf-8")
    return load_network(file)
