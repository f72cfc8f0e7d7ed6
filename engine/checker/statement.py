"""The statement that a certificate is about, recomputed from the auditor's weights and task; and its hash."""

from __future__ import annotations

import hashlib
import json

from .dyadic import tensor_hash
from .floats.format import Runs
from .network import SIZES, Network

TASK = "max-of-k"
RUN_MODEL = 2


def statement_text(network: Network, runs: Runs | None = None) -> str:
    """The canonical text: architecture, task, and the hash of every tensor; and which float runs, if about these."""
    statement: dict[str, object] = {
        "schema": "mechproof-statement/1",
        "architecture": {
            "family": "one-layer-attention-only",
            "d_vocab": network.vocabulary,
            "n_ctx": network.positions,
            "d_model": network.model,
            "d_head": network.head,
            "n_heads": 1,
            "normalization": "none",
            "attention_scale": "1/sqrt(d_head)",
            "mask": "causal",
            "read_at": "last position",
        },
        "task": {
            "name": TASK,
            "inputs": "all d_vocab^n_ctx sequences",
            "right": "strictly largest logit at the largest token",
            "tie": "wrong",
        },
        "tensors": {name: tensor_hash(network.tensors[name], network.sizes(name)) for name in SIZES},
    }
    if runs is not None:
        statement["semantics"] = {
            "runs": "every float run",
            "model": RUN_MODEL,
            "stored": runs.arithmetic.name,
            "accumulated_bits": runs.arithmetic.accumulated,
            "exp_ulps": runs.exp_ulps,
        }
    return json.dumps(statement, separators=(",", ":"), ensure_ascii=True)


def statement_hash(network: Network, runs: Runs | None = None) -> str:
    """sha256 of the statement's text."""
    return hashlib.sha256(statement_text(network, runs).encode("ascii")).hexdigest()
