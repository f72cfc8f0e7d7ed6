"""Checkpoints with odd tensors and odd configurations: what one of prover and checker takes for a network
the other takes for the same one, and what one refuses the other refuses, in a sentence and by a code."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mechproof.engine.checker.errors import Failure
from mechproof.engine.checker.networks.network_file import read_description
from mechproof.engine.checker.networks.statement import statement_hash
from mechproof.engine.checker.networks.task import read_task
from mechproof.engine.errors import MechproofError
from mechproof.models.problem import statement_of
from mechproof.models.recognition.transformer_lens_config import DETAILS, plain

COMPARED = (
    *("normalization_type", "act_fn", "eps", "attn_scale", "use_attn_scale", "n_ctx", "n_layers", "n_heads"),
    *("d_model", "d_head", "d_mlp", "d_vocab", "d_vocab_out", "attn_only", "gated_mlp", "final_rms", "attention_dir"),
    *("positional_embedding_type", "attn_scores_soft_cap", "output_logits_soft_cap", "n_key_value_heads"),
    *("num_experts", "parallel_attn_mlp", "rmsnorm_uses_offset", "post_embedding_ln", "a_setting_of_tomorrow"),
)
KEYS = sorted({*plain(), *(key for part in DETAILS.values() for key in part), *COMPARED})
VALUES = (
    *("null", "true", "false", "0", "1", "-1", "2", "3", "4", "5", "0.5", "-1.0", "-1.00", "0.0", "-0.0", "1e-5"),
    *("1e-400", "1e400", "NaN", "Infinity", "1.4142135623730951", "1.414213562373095", "3.3e-5", "1e-30", "1e22"),
    *("99999999999999999999", '""', '"1e-5"', "[]", "{}", '"standard"', '"none"', '"rotary"', '"LN"', '"LNPre"'),
    *(
        '"RMS"',
        '"RMSPre"',
        '"relu"',
        '"gelu_new"',
        '"identity"',
        '"square"',
        '"solu_ln"',
        '"causal"',
        '"bidirectional"',
    ),
)
TASKS = ("expression: t[0]", "running-sum-sign:2", "induction:3")


class Chance:
    """Draws checkpoints and configurations; most of them fit, nearly."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)

    def happens(self, share: float) -> bool:
        return self.random.random() < share

    def shapes(self, layers: int, heads: int, mlps: bool, norm: str) -> dict[str, tuple[int, ...]]:
        """A state dict of width 3, and now and then something missing, or in the wrong shape."""
        t: dict[str, tuple[int, ...]] = {"embed.W_E": (4, 3), "unembed.W_U": (3, 4 if self.happens(0.8) else 5)}
        if self.happens(0.8):
            t["pos_embed.W_pos"] = (3, 3)
        for i in range(layers):
            if self.happens(0.97):
                t |= {f"blocks.{i}.attn.W_{w}": (heads, 3, 2) for w in "QKV"}
                t[f"blocks.{i}.attn.W_O"] = (heads, 2, 3)
            if self.happens(0.3):
                t[f"blocks.{i}.attn.b_Q"] = (heads, 2)
            t |= self.norm(f"blocks.{i}.ln1", norm)
            if mlps != self.happens(0.05):
                t |= {f"blocks.{i}.mlp.W_in": (3, 4), f"blocks.{i}.mlp.W_out": (4, 3)}
                t |= {f"blocks.{i}.mlp.W_gate": (3, 4)} if self.happens(0.3) else {}
                t |= self.norm(f"blocks.{i}.ln2", norm)
        t |= self.norm("ln_final", norm)
        if self.happens(0.1):
            name = self.random.choice(list(t))
            shape = t[name]
            others = ((), (1, *shape), shape[1:], (*shape, 1), (1, 1, *shape), tuple(s + 1 for s in shape))
            t[name] = self.random.choice(others)
        if self.happens(0.06):
            t[self.random.choice(["rotary", "blocks.0.attn.mask", "blocks.0.ln1.x", "hook.x"])] = (1,)
        return t

    def norm(self, part: str, tensors: str) -> dict[str, tuple[int, ...]]:
        found = tensors if self.happens(0.95) else self.random.choice(["", "w", "b", "wb"])
        return {f"{part}.{name}": (3,) for name in found}

    def checkpoint(self, file: Path) -> dict[str, str]:
        """Written; the configuration that goes with it, nearly."""
        layers, heads, mlps = self.random.choice([0, 1, 1, 2]), self.random.choice([1, 2]), self.happens(0.5)
        norm = self.random.choice(["", "", "wb", "w", "b"])
        shapes = self.shapes(layers, heads, mlps, norm)
        np.savez(file, **{name: self.numbers.normal(size=shape) for name, shape in shapes.items()})  # type: ignore[arg-type]
        config: dict[str, str] = {"act_fn": '"relu"'} if self.happens(0.9) else {}
        if self.happens(0.7):
            usual = {"": "null", "wb": '"LN"', "w": '"RMS"', "b": '"LN"'}[norm]
            config["normalization_type"] = usual if self.happens(0.8) else self.random.choice(['"LNPre"', '"RMSPre"'])
        if self.happens(0.3):
            sizes = {"n_heads": heads, "n_layers": layers, "d_head": 2, "d_model": 3, "d_vocab": 4}
            config |= {key: str(size) for key, size in sizes.items()} | {"attn_only": json.dumps(not mlps)}
        for _ in range(self.random.choice([0, 1, 1, 2])):
            config[self.random.choice(KEYS)] = self.random.choice(VALUES)
        return config


def read_twice(weights: Path, config: Path | None, task: str) -> tuple[str | None, str | None]:
    """The statement's hash by the prover and by the checker; None for what is refused."""
    own = other = None
    try:
        own = statement_of(weights, task, config).sha256
    except MechproofError as error:
        assert str(error)
    try:
        other = statement_hash(
            *read_task(task, read_description(str(weights), None if config is None else str(config)))
        )
    except Failure as failure:
        assert failure.code.name < "E2"
    return own, other


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.ci) for seed in range(3, 30))])
def test_prover_and_checker_read_the_same_networks(seed, tmp_path):
    """A hundred checkpoints with their configurations: one hash, or neither has one."""
    chance = Chance(seed)
    weights, file = tmp_path / "state.npz", tmp_path / "config.json"
    accepted = 0
    for _ in range(100):
        config = chance.checkpoint(weights)
        again = ',"eps":1e-5,"eps":1e-5' if chance.happens(0.01) else ""
        file.write_text("{" + ",".join(f'"{key}":{value}' for key, value in config.items()) + again + "}")
        task = chance.random.choice(TASKS)
        own, other = read_twice(weights, file if chance.happens(0.93) else None, task)
        assert own == other, (file.read_text(), dict(np.load(weights)), task)
        accepted += own is not None
    assert 10 < accepted < 90


def state(**changed: Any) -> dict[str, np.ndarray]:
    """One layer with one head and LayerNorms; None takes a tensor away."""
    shapes = {"embed.W_E": (4, 3), "pos_embed.W_pos": (3, 3), "unembed.W_U": (3, 4)}
    shapes |= {f"blocks.0.attn.W_{w}": (1, 3, 2) for w in "QKV"} | {"blocks.0.attn.W_O": (1, 2, 3)}
    shapes |= {f"{part}.{name}": (3,) for part in ("blocks.0.ln1", "ln_final") for name in "wb"}
    shapes |= {name.replace("/", "."): shape for name, shape in changed.items()}
    return {name: np.full(shape, 0.5) for name, shape in shapes.items() if shape is not None}


@pytest.mark.parametrize(
    ("config", "changed", "accepted"),
    [
        ({}, {}, True),
        ({"d_head": 2, "n_heads": 1, "d_model": 3, "d_vocab": 4, "n_ctx": 3}, {}, True),
        ({"d_head": 3}, {}, False),
        ({"n_heads": 2}, {}, False),
        ({"d_model": 2}, {}, False),
        ({"n_ctx": 4}, {}, False),
        ({"use_attn_scale": 0}, {}, False),
        ({"attn_scale": None}, {}, False),
        ({"eps": "1e-5"}, {}, False),
        ({"n_key_value_heads": 1}, {}, True),
        ({"output_logits_soft_cap": -3.5}, {}, True),
        ({"normalization_type": "LN"}, {"ln_final/b": None}, False),
        ({"normalization_type": "LN"}, {"ln_final/b": None, "ln_final/w": None}, False),
        ({}, {"ln_final/w": None}, False),
        ({"attn_only": False}, {}, False),
        ({}, {"blocks/0/attn/W_Q": None}, False),
        ({}, {"blocks/0/attn/W_Q": ()}, False),
        ({}, {"embed/W_E": ()}, False),
        ({}, {"pos_embed/W_pos": ()}, False),
        ({"act_fn": "square"}, {"blocks/0/mlp/W_in": (3, 4), "blocks/0/mlp/W_out": (4, 3)}, True),
        ({"act_fn": "identity"}, {"blocks/0/mlp/W_in": (1, 3, 4), "blocks/0/mlp/W_out": (4, 3)}, True),
        ({"act_fn": "relu"}, {"blocks/0/mlp/W_out": (4, 3)}, False),
        ({}, {"blocks/0/ln2/w": (3,)}, False),
    ],
)
def test_what_was_read_by_one_side_only(config, changed, accepted, tmp_path):
    """Sizes that are not the tensors', norms without their tensors, numbers that are none, tensors of other shapes."""
    np.savez(tmp_path / "state.npz", **state(**changed))  # type: ignore[arg-type]
    (tmp_path / "config.json").write_text(json.dumps(config))
    own, other = read_twice(tmp_path / "state.npz", tmp_path / "config.json", "expression: t[0]")
    assert (own == other) and (own is not None) == accepted
