"""Activations of a network by the names that TransformerLens gives them, as terms over the tokens.

    hook_embed, hook_pos_embed, ln_final.hook_normalized, logits
    blocks.N.hook_resid_pre, hook_resid_mid, hook_resid_post, hook_attn_out, hook_mlp_out
    blocks.N.attn.hook_q, hook_k, hook_v, hook_z, hook_result, hook_attn_scores, hook_pattern
    blocks.N.mlp.hook_pre, hook_post, blocks.N.ln1.hook_normalized, blocks.N.ln2.hook_normalized

and ``layers.N.hook_out``, the stream behind layer N of any network (docs/statement.md §1, counted from 0).  A block
begins with an attention layer and goes on with the MLP behind it, where there is one; an MLP elsewhere is a block too.
Axes are those of TransformerLens without the batch: scores and patterns are head × query × key, what else heads have
is position × head × entry, everything else position × entry.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial

from ..engine.errors import MechproofError
from ..engine.term import Term
from .layers.attention import Attention, Scale
from .layers.layer import Layer
from .layers.mlp import Mlp
from .network import Network

NAME = re.compile(r"(?:[a-z_0-9]+\.)*hook_[a-z_]+|logits")
PER_HEAD = ("q", "k", "v", "z", "result")


@dataclass(unsafe_hash=True)
class UnknownHook(MechproofError):
    """The network has no activation of this name."""

    name: str
    nearest: str
    sentence = "there is no activation {name!r} in this network; {nearest}"


@dataclass(frozen=True)
class Hook:
    """``terms``: one a head, or one; of each the rows are positions.

    ``patterns``: the heads come before the positions.  ``scale``: a factor of the entries.  ``causal``: row p has no
    entries behind p.
    """

    terms: tuple[Term, ...]
    heads: bool = False
    patterns: bool = False
    scale: Scale | None = None
    causal: bool = False


class Hooks:
    """The activations of a network on so many positions."""

    def __init__(self, network: Network, positions: int) -> None:
        self.network = network
        self.positions = positions

    def hook(self, name: str) -> Hook:
        """Raises :class:`UnknownHook`."""
        found = self._made.get(name)
        if found is None:
            near = difflib.get_close_matches(name, self._made, 1)
            told = f"the nearest is {near[0]!r}" if near else f"known are {', '.join(self._made)}"
            raise UnknownHook(name, told)
        return found()

    @cached_property
    def _streams(self) -> list[Term]:
        return self.network.streams(self.positions)

    @cached_property
    def _made(self) -> Mapping[str, Callable[[], Hook]]:
        """How each activation is made, by name."""
        layers, embed = self.network.layers, self.network.embed
        last = len(layers) - 1
        made: dict[str, Callable[[], Hook]] = {
            "logits": lambda: _one(layers[last].term(self._streams[-1], last)),
            "hook_embed": lambda: _one(embed.without_positions(self.positions)),
        }
        if "P" in embed.tensors:
            made["hook_pos_embed"] = lambda: _one(embed.first_rows(self.positions))
        if layers[last].inner_norm is not None:
            made["ln_final.hook_normalized"] = partial(self._read, last)
        for number in range(last):
            made[f"layers.{number}.hook_out"] = partial(self._stream, number)
        for block, (attention, mlp) in enumerate(blocks(self.network)):
            made |= {f"blocks.{block}.{name}": make for name, make in self._of_block(attention, mlp).items()}
        return made

    def _of_block(self, attention: int | None, mlp: int | None) -> dict[str, Callable[[], Hook]]:
        numbers = [number for number in (attention, mlp) if number is not None]
        made: dict[str, Callable[[], Hook]] = {
            "hook_resid_pre": partial(self._stream, numbers[0] - 1),
            "hook_resid_post": partial(self._stream, numbers[-1]),
        }
        if attention is not None:
            made["hook_attn_out"] = partial(self._attention_out, attention)
            made |= {f"attn.hook_{kind}": partial(self._of_heads, attention, kind) for kind in PER_HEAD}
            made["attn.hook_attn_scores"] = partial(self._scores, attention)
            made["attn.hook_pattern"] = partial(self._patterns, attention)
            if self.network.layers[attention].inner_norm is not None:
                made["ln1.hook_normalized"] = partial(self._read, attention)
        if mlp is not None:
            layer = self.network.layers[mlp]
            assert isinstance(layer, Mlp)
            if attention is not None:
                made["hook_resid_mid"] = partial(self._stream, attention)
            for name, part in (("mlp.hook_pre", layer.entering), ("mlp.hook_post", layer.hidden)):
                made[name] = lambda part=part: _one(part(self._reading(mlp), mlp))
            made["hook_mlp_out"] = lambda: _one(layer.leaving(self._reading(mlp), mlp))
            if layer.inner_norm is not None:
                made["ln2.hook_normalized"] = partial(self._read, mlp)
        return made

    def _stream(self, number: int) -> Hook:
        return _one(self._streams[number])

    def _reading(self, number: int) -> Term:
        return self.network.layers[number].read(self._streams[number - 1], number)

    def _read(self, number: int) -> Hook:
        return _one(self._reading(number))

    def _attention(self, number: int) -> Attention:
        layer: Layer = self.network.layers[number]
        assert isinstance(layer, Attention)
        return layer

    def _attention_out(self, number: int) -> Hook:
        return _one(self._attention(number).leaving(self._reading(number), number))

    def _of_heads(self, number: int, kind: str) -> Hook:
        layer, read = self._attention(number), self._reading(number)
        parts = {"z": layer.mixed, "result": layer.head_result}
        make = parts.get(kind) or (lambda read, number, head: layer.projected(read, number, kind.upper(), head))
        return Hook(tuple(make(read, number, head) for head in range(layer.heads)), heads=True)

    def _scores(self, number: int) -> Hook:
        layer, read = self._attention(number), self._reading(number)
        terms = tuple(layer.scores(read, number, head) for head in range(layer.heads))
        return Hook(terms, True, True, layer.scale, layer.mask == "causal")

    def _patterns(self, number: int) -> Hook:
        layer, read = self._attention(number), self._reading(number)
        terms = tuple(layer.pattern(read, number, head) for head in range(layer.heads))
        return Hook(terms, True, True, Scale(Fraction(1)))


def _one(term: Term) -> Hook:
    return Hook((term,))


def blocks(network: Network) -> list[tuple[int | None, int | None]]:
    """The layers' numbers of attention and MLP, for each block."""
    found: list[tuple[int | None, int | None]] = []
    for number, layer in enumerate(network.layers):
        if isinstance(layer, Attention):
            found.append((number, None))
        elif isinstance(layer, Mlp):
            if found and found[-1] == (number - 1, None):
                found[-1] = (number - 1, number)
            else:
                found.append((None, number))
    return found
