"""The installed TransformerLens, live: `make live` runs this beside the newest version; elsewhere it is skipped."""

from __future__ import annotations

import itertools
import json
import runpy
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import mechproof
from mechproof.engine.errors import MechproofError
from mechproof.models.recognition import recognise
from mechproof.models.weights import from_live
from mechproof.models.weights.convert import convert

pytest.importorskip("transformer_lens")
torch = pytest.importorskip("torch")

ROOT = Path(__file__).parents[3]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "record_transformer_lens.py"))
RECORDED = json.loads((ROOT / "tests" / "data" / "transformer_lens" / "recorded.json").read_text("utf-8"))
KINDS = [entry["kind"] for entry in RECORDED if version("transformer_lens") in entry["versions"]]


def network(kind: str, **changes: Any) -> Any:
    """A live model with random numbers in every tensor, in float64, so that its forward pass is nearly exact."""
    model = SCRIPT["network"](kind, dtype=torch.float64, **changes).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in model.state_dict(keep_vars=True).values():
            if tensor.is_floating_point() and tensor.ndim:
                tensor.copy_(torch.randn(tensor.shape, generator=generator, dtype=torch.float64))
    return model


def test_installed_version_is_recorded():
    """A version nobody looked at is no tested version."""
    assert KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_recorded_is_what_is_installed(kind):
    """The record of this version is what it says today."""
    (recorded,) = [e for e in RECORDED if e["kind"] == kind and version("transformer_lens") in e["versions"]]
    found = json.loads(json.dumps(SCRIPT["recorded"](kind), default=str))
    assert found["shapes"] == recorded["shapes"]
    assert found["config"] == recorded["config"]


@pytest.mark.parametrize("kind", KINDS)
def test_theorem_is_about_what_the_model_computes(kind, tmp_path):
    """The proved accuracy is what the live model's forward pass gets on all inputs, and the checker agrees."""
    model = network(kind)
    assert recognise(from_live(model)).assumed == ()
    inputs = torch.tensor(list(itertools.product(range(5), repeat=3)))
    with torch.no_grad():
        logits = model(inputs)[:, -1]
    gaps = logits.topk(2).values
    assert (gaps[:, 0] - gaps[:, 1]).min() > 1e-6  # no input is so near a tie that float64 might get it wrong
    right = int((logits.argmax(-1) == inputs.amax(-1)).sum())
    proof = mechproof.prove(model)
    assert (proof.theorem.low, proof.theorem.high) == (right, right)
    proof.write(tmp_path)
    convert(model, tmp_path / "model.safetensors")
    assert mechproof.check(tmp_path / "certificate.json", tmp_path / "model.safetensors").exit_code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_are_the_ones_the_model_shows(kind):
    """Every tensor is what the model itself calls by that name (bridges before 4 have no W_pos)."""
    model = network(kind)
    for name, tensor in from_live(model).tensors.items():
        other: Any = model.pos_embed.weight if kind == "TransformerBridge" else None
        shown = getattr(model, name.rpartition(".")[2], other)
        assert [n * 2.0**tensor.exponent for n in tensor.numerators] == shown.ravel().tolist(), name


OTHERS: list[dict[str, Any]] = [
    {"normalization_type": "LN"},
    {"normalization_type": "LNPre"},
    {"normalization_type": "RMSPre"},
    {"attn_only": False, "act_fn": "relu", "d_mlp": 16},
    {"attn_only": False, "act_fn": "gelu", "d_mlp": 16, "normalization_type": "LN"},
    {"n_heads": 2},
    {"n_layers": 2},
    {"attn_scale": 3.0},
    {"attention_dir": "bidirectional"},
    *([{"use_attn_scale": False}] if "HookedTransformer" in KINDS else []),
]


@pytest.mark.parametrize("changes", OTHERS, ids=lambda changes: "-".join(changes))
@pytest.mark.parametrize("kind", KINDS)
def test_other_networks_compute_what_is_proved(kind, changes):
    """Norms, MLPs, heads, layers, scales and masks: every input is enumerated, beside the live model's forward pass."""
    model = network(kind, **changes)
    inputs = torch.tensor(list(itertools.product(range(5), repeat=3)))
    with torch.no_grad():
        logits = model(inputs)[:, -1]
    gaps = logits.topk(2).values
    assert (gaps[:, 0] - gaps[:, 1]).min() > 1e-6  # no input is so near a tie that float64 might get it wrong
    right = int((logits.argmax(-1) == inputs.amax(-1)).sum())
    theorem = mechproof.prove(model).theorem
    assert (theorem.low, theorem.high) == (right, right)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"positional_embedding_type": "rotary", "rotary_dim": 4}, "positional_embedding_type|rotary"),
        ({"attn_scores_soft_cap": 30.0}, "attn_scores_soft_cap"),
        *([({"use_attn_scale": False}, "use_attn_scale")] if "TransformerBridge" in KINDS else []),
    ],
    ids=lambda value: "" if isinstance(value, str) else "-".join(map(str, value)),
)
@pytest.mark.parametrize("kind", KINDS)
def test_other_networks_are_refused_by_name(kind, changes, words):
    """What the proofs do not cover is refused for the reason that it is."""
    with pytest.raises(MechproofError, match=words):
        mechproof.prove(SCRIPT["network"](kind, **changes))
