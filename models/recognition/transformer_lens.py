"""TransformerLens checkpoints: a stack of attention and MLP blocks, by the names of tensors and the configuration.

    embed.W_E, pos_embed.W_pos, unembed.{W_U, b_U}, ln_final.{w, b},
    blocks.N.attn.{W_Q, W_K, W_V, W_O, b_Q, b_K, b_V, b_O}, blocks.N.mlp.{W_in, W_gate, W_out, b_in, b_out},
    blocks.N.{ln1, ln2}.{w, b}

Plain spellings (``W_E``, ``W_Q`` of layer 0, ``L1_attn_W_Q``, ``L0_ln1_b``, ``ln_final_w``) are other names of the
same.  What no tensor shows is taken from the configuration; without one, the usual value is an assumption, and an
MLP's activation, which has no usual value, is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ...engine.arithmetic.tensor import DyadicTensor
from ..layers.attention import Attention, Scale
from ..layers.embed import Embed
from ..layers.functions import FUNCTIONS
from ..layers.layer import Layer, spelled
from ..layers.mlp import Mlp
from ..layers.norm import Norm
from ..layers.unembed import Unembed
from ..network import Network
from ..weights import Checkpoint, StoredTensor
from ..weights.decimal_text import nearest_float64
from .errors import BadTensor, MissingTensor, OpenSetting, StrangeTensor, TwoTensors
from .tensors import of_axes, of_heads
from .transformer_lens_config import (
    DETAILS,
    HARMLESS,
    Expected,
    check_config,
    exactly,
    is_number,
    nearest_float64_to_square_root,
    no_cap,
    plain,
)

# Part of a network -> its tensors with the number of axes each has.
PARTS = {
    "embed": {"W_E": 2},
    "pos_embed": {"W_pos": 2},
    "unembed": {"W_U": 2, "b_U": 1},
    "ln_final": {"w": 1, "b": 1},
    "attn": {"W_Q": 3, "W_K": 3, "W_V": 3, "W_O": 3, "b_Q": 2, "b_K": 2, "b_V": 2, "b_O": 1},
    "mlp": {"W_in": 2, "W_gate": 2, "W_out": 2, "b_in": 1, "b_out": 1},
    "ln1": {"w": 1, "b": 1},
    "ln2": {"w": 1, "b": 1},
}
_BLOCK = ("attn", "mlp", "ln1", "ln2")
_STORED = re.compile(r"blocks\.([0-9]{1,3})\.(attn|mlp|ln1|ln2)\.(\w+)")
_PLAIN = re.compile(r"L([0-9]{1,3})_(attn|mlp|ln1|ln2)_(\w+)")
_PER_HEAD = frozenset(PARTS["attn"]) - {"b_O"}
# The transformers on groups of arXiv 2302.03025 store their embedding two more times.
_REPEATED = {"x_embed": "embed.W_E", "y_embed": "embed.W_E"}
_LENGTH = {name: size for part in PARTS.values() for name, size in part.items()}

# normalization_type -> function, and whether the norms have tensors of their own.
NORMS = {
    "LN": ("layernorm", True),
    "LNPre": ("layernorm", False),
    "RMS": ("rmsnorm", True),
    "RMSPre": ("rmsnorm", False),
}
ACTIVATIONS = {"relu": "relu", "gelu": "gelu", "gelu_new": "gelu_new", "gelu_pytorch_tanh": "gelu_new", "silu": "silu"}
USUAL_EPSILON = nearest_float64("1e-5")


def canonical(name: str) -> str | None:
    """The full name of a tensor of this convention; None for a stranger.

    >>> canonical("L0_ln1_b"), canonical("W_Q"), canonical("ln_final_w"), canonical("rotary_sin")
    ('blocks.0.ln1.b', 'blocks.0.attn.W_Q', 'ln_final.w', None)
    """
    if name in _REPEATED:
        return _REPEATED[name]
    block = _STORED.fullmatch(name) or _PLAIN.fullmatch(name)
    if block is not None:
        number, part, tensor = block.groups()
        return f"blocks.{int(number)}.{part}.{tensor}" if tensor in PARTS[part] else None
    for part, tensors in PARTS.items():
        for tensor in tensors:
            whole = f"blocks.0.{part}.{tensor}" if part in _BLOCK else f"{part}.{tensor}"
            spellings = {f"{part}_{tensor}"} | ({tensor} if part not in ("ln1", "ln2", "ln_final") else set())
            if name in spellings | ({whole} if part not in _BLOCK else set()):
                return whole
    return None


@dataclass
class _Reader:
    """One checkpoint's tensors by full name, and its configuration; collects what is assumed."""

    file: str
    stored: Mapping[str, StoredTensor]
    config: Mapping[str, Any]
    assumed: list[str] = field(default_factory=list)

    def has(self, name: str) -> bool:
        return name in self.stored

    def get(self, part: str, name: str) -> DyadicTensor | None:
        """A tensor of a part, with as many axes as it should have; None where it is absent."""
        stored = self.stored.get(f"{part}.{name}")
        if stored is None:
            return None
        tensor = _tensor(name, stored)
        if len(tensor.shape) != _LENGTH[name]:
            raise BadTensor(
                self.file, f"tensor {part}.{name}", f"{_LENGTH[name]} axes", f"shape {spelled(stored.shape)}"
            )
        return tensor

    def need(self, part: str, name: str) -> DyadicTensor:
        found = self.get(part, name)
        if found is None:
            raise MissingTensor(self.file, f"{part}.{name}", ", ".join(self.stored)[:300])
        return found

    def says(self, *keys: str) -> bool:
        return all(key in self.config for key in keys)

    def assume(self, sentence: str) -> None:
        if sentence not in self.assumed:
            self.assumed.append(sentence)

    def norm(self, part: str) -> Norm | None:
        """The norm whose tensors are those of ``part``."""
        has = [self.has(f"{part}.{name}") for name in ("w", "b")]
        if self.says("normalization_type"):
            kind = self.config["normalization_type"]
            if kind is not None and str(kind) not in NORMS:
                expected = f"null, {', '.join(NORMS)}"
                raise BadTensor(self.file, "config key normalization_type", expected, str(kind)[:80])
            function, weighted = NORMS[str(kind)] if kind is not None else ("", False)
            if not weighted:
                if any(has):
                    raise StrangeTensor(self.file, f"{part}.w", f"since normalization_type is {kind}")
                return Norm(function, self.epsilon()) if function else None
            if function == "rmsnorm" and has[1]:
                raise StrangeTensor(self.file, f"{part}.b", f"since normalization_type is {kind}")
            w = self.need(part, "w")
            return Norm(function, self.epsilon(), w, self.need(part, "b") if function == "layernorm" else None)
        if not any(has):
            self.assume("no normalisation without parameters of its own acts anywhere")
            return None
        if not has[0]:
            raise MissingTensor(self.file, f"{part}.w", ", ".join(self.stored)[:300])
        function = "layernorm" if has[1] else "rmsnorm"
        self.assume(f"norms are {'LayerNorms' if has[1] else 'RMSNorms'}, as their tensors suggest")
        return Norm(function, self.epsilon(), self.get(part, "w"), self.get(part, "b"))

    def epsilon(self) -> Fraction:
        if self.says("eps"):
            value = self.config["eps"]
            if not is_number(value) or value <= 0:
                raise BadTensor(self.file, "config key eps", "a positive number", str(value)[:80])
            return nearest_float64(str(value)) if isinstance(value, int) else Fraction(value)
        self.assume("the norms' epsilon is the float64 nearest to 1e-5")
        return USUAL_EPSILON

    def scale(self, head: int) -> Scale:
        """The factor of attention scores: 1/sqrt(d_head), or as configured."""
        if self.config.get("use_attn_scale") is False:
            # A native bridge divides by sqrt(d_head) all the same, a HookedTransformer by 1.
            if self.config.get("architecture") is not None:
                raise BadTensor(self.file, "config key use_attn_scale", "true, for a native bridge", "false")
            return Scale()
        if not self.says("attn_scale"):
            self.assume("attention scores are divided by the real number sqrt(d_head)")
            return Scale(root=head)
        if not self.says("use_attn_scale"):
            self.assume("attention scores are divided by the configured scale")
        value = self.config["attn_scale"]
        if not is_number(value) or (value <= 0 and value != -1):
            raise BadTensor(self.file, "config key attn_scale", "-1 or a positive number", str(value)[:80])
        if value in (-1, nearest_float64_to_square_root(head)):
            return Scale(root=head)
        divisor = nearest_float64(str(value)) if isinstance(value, int) else value
        return Scale(1 / Fraction(divisor))

    def mask(self) -> str:
        if not self.says("attention_dir"):
            self.assume("attention is causal, without a window")
            return "causal"
        if not self.says("use_local_attn"):
            self.assume("attention has no window")
        found = self.config["attention_dir"]
        if found not in ("causal", "bidirectional"):
            raise BadTensor(self.file, "config key attention_dir", "causal or bidirectional", str(found)[:80])
        return "causal" if found == "causal" else "none"

    def attention(self, number: int) -> Attention:
        part = f"blocks.{number}.attn"
        w_q = self.need(part, "W_Q")
        return Attention(
            W_Q=w_q,
            W_K=self.need(part, "W_K"),
            W_V=self.need(part, "W_V"),
            W_O=self.need(part, "W_O"),
            scale=self.scale(w_q.shape[-1]),
            mask=self.mask(),
            b_Q=self.get(part, "b_Q"),
            b_K=self.get(part, "b_K"),
            b_V=self.get(part, "b_V"),
            b_O=self.get(part, "b_O"),
            norm=self.norm(f"blocks.{number}.ln1"),
        )

    def mlp(self, number: int) -> Mlp:
        part = f"blocks.{number}.mlp"
        if not self.says("act_fn") or self.config["act_fn"] is None:
            raise OpenSetting(self.file, "act_fn", ", ".join(ACTIVATIONS))
        function = str(self.config["act_fn"])
        if function not in ACTIVATIONS and function not in FUNCTIONS:
            expected = f"one of {', '.join(dict.fromkeys([*ACTIVATIONS, *FUNCTIONS]))}"
            raise BadTensor(self.file, "config key act_fn", expected, function[:80])
        return Mlp(
            W_in=self.need(part, "W_in"),
            W_out=self.need(part, "W_out"),
            function=ACTIVATIONS.get(function, function),
            W_gate=self.get(part, "W_gate"),
            b_in=self.get(part, "b_in"),
            b_out=self.get(part, "b_out"),
            norm=self.norm(f"blocks.{number}.ln2"),
        )

    def assume_of_tensors(self) -> None:
        """What neither names nor shapes of tensors show."""
        if not self.says("attn_only"):
            self.assume("nothing without parameters acts on the residual stream besides attention and MLPs")
        shapes = {name: _tensor(name.rpartition(".")[2], stored).shape for name, stored in self.stored.items()}
        square = [name for name, shape in shapes.items() if len(shape) > 1 and shape[-1] == shape[-2]]
        if square:
            self.assume(
                f"weights act on row vectors from the right, as in TransformerLens ({', '.join(square)}: square, so "
                "that the shape does not show it)"
            )
        parts = dict.fromkeys(name.rpartition(".")[0] for name in self.stored)
        biases = [f"{part}.{name}" for part in parts for name in PARTS[part.split(".")[-1]] if name.startswith("b_")]
        absent = [name for name in biases if name not in self.stored]
        if absent:
            self.assume(f"biases that the file does not hold are zero ({', '.join(absent)})")

    def blocks(self) -> list[Layer]:
        """Attention and MLP of every block, in order."""
        numbers = sorted({int(name.split(".")[1]) for name in self.stored if name.startswith("blocks.")})
        if numbers != list(range(len(numbers))):
            raise MissingTensor(self.file, "blocks of every number", ", ".join(f"blocks.{n}" for n in numbers))
        layers: list[Layer] = []
        for number in numbers:
            layers.append(self.attention(number))
            if any(name.startswith(f"blocks.{number}.mlp.") for name in self.stored):
                layers.append(self.mlp(number))
            elif any(name.startswith(f"blocks.{number}.ln2.") for name in self.stored):
                raise MissingTensor(self.file, f"blocks.{number}.mlp.W_in", "a norm before it")
        return layers


class TransformerLens:
    """Blocks of attention and MLP with pre-norms."""

    def resemblance(self, checkpoint: Checkpoint) -> int:
        return sum(canonical(name) is not None for name in checkpoint.tensors)

    def recognise(self, checkpoint: Checkpoint) -> Network:
        file, config = checkpoint.source, checkpoint.config or {}
        stored: dict[str, StoredTensor] = {}
        for name, tensor in checkpoint.tensors.items():
            whole = canonical(name)
            if whole is None:
                raise StrangeTensor(file, name, "since TransformerLens has none, or none that is supported")
            first = stored.setdefault(whole, tensor)
            short = whole.rpartition(".")[2]
            if _tensor(short, first) != _tensor(short, tensor):
                raise TwoTensors(file, tensor.name, first.name)
        reader = _Reader(file, stored, config)
        positions = reader.get("pos_embed", "W_pos")
        blocks = reader.blocks()
        embed = Embed((reader.need("embed", "W_E"),), positions)
        unembed = Unembed(reader.need("unembed", "W_U"), reader.get("unembed", "b_U"), reader.norm("ln_final"))
        reader.assume_of_tensors()
        if not reader.says("attn_scores_soft_cap", "output_logits_soft_cap"):
            reader.assume("neither attention scores nor logits are capped")
        if positions is not None and not reader.says("positional_embedding_type"):
            reader.assume("row p of W_pos is added to the residual stream at position p")
        network = Network(file, (embed, *blocks, unembed), tuple(reader.assumed))
        network.check(network.most_positions or 1)
        check_config(file, config, _expected(embed, blocks, unembed), _inert(blocks))
        return network


def _tensor(name: str, stored: StoredTensor) -> DyadicTensor:
    """A stored tensor with the axes that one of this name has."""
    return (of_heads if name in _PER_HEAD else of_axes)(stored, _LENGTH[name])


def _inert(blocks: list[Layer]) -> frozenset[str]:
    """The configuration keys that do not change this network's function, or that the reader has looked at itself."""
    read = {"act_fn", "attn_scale", "eps", "normalization_type", "d_mlp", "n_ctx"}
    if not any(isinstance(layer, Attention) for layer in blocks):
        read |= {"n_heads", "d_head"}
    return HARMLESS | frozenset().union(*DETAILS.values()) - _DECIDING | read


# Details of parts that these networks do have: they are compared, not waved through.
_DECIDING = frozenset({"gated_mlp", "parallel_attn_mlp", "rmsnorm_uses_offset"})


_SOME = Expected("nothing, for blocks of which some have an MLP", lambda found: False)


def _expected(embed: Embed, blocks: list[Layer], unembed: Unembed) -> dict[str, Expected]:
    """The configurations under which TransformerLens computes the function of these layers."""
    attention = [layer for layer in blocks if isinstance(layer, Attention)]
    mlps = [layer for layer in blocks if isinstance(layer, Mlp)]
    vocabulary, width = embed.table(0).shape
    outputs = unembed.W_U.shape[-1]
    sizes = {"n_layers": len(attention), "d_vocab": vocabulary, "d_model": width}
    if embed.P is not None:
        sizes["n_ctx"] = embed.P.shape[0]
    if attention:
        sizes |= {"n_heads": attention[0].heads, "d_head": attention[0].W_Q.shape[-1]}
    final_rms = unembed.norm is not None and unembed.norm.function == "rmsnorm"
    positional = ("standard",) if embed.P is not None else ("none", None)
    return {
        **plain(),
        **{key: exactly(size) for key, size in sizes.items()},
        "d_vocab_out": exactly(outputs, *([-1] if outputs == vocabulary else [])),
        "attn_only": exactly(not mlps) if len(mlps) in (0, len(attention)) else _SOME,
        "gated_mlp": exactly(True) if any(mlp.gated for mlp in mlps) else exactly(False, *([True] if not mlps else [])),
        "parallel_attn_mlp": exactly(False),
        "rmsnorm_uses_offset": exactly(False),
        "positional_embedding_type": exactly(*positional),
        "post_embedding_ln": exactly(False),
        "use_normalization_before_and_after": exactly(False),
        "final_rms": exactly(False, *([True] if final_rms else [])),
        "attn_scores_soft_cap": no_cap(),
        "output_logits_soft_cap": no_cap(),
        "attention_dir": exactly("causal", "bidirectional"),
        "use_attn_scale": exactly(True, False),
        "n_key_value_heads": exactly(None, *([attention[0].heads] if attention else [])),
        "num_experts": exactly(None),
    }


CONVENTION = TransformerLens()
