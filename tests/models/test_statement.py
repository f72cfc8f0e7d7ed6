"""The statement's text and hash, against docs/certificate.md §1.3 read a second time."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import pytest

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.models.architectures.one_layer_attention import OneLayerAttention
from mechproof.models.statement import Statement
from mechproof.models.tasks.max_of_k import MaxOfK

SHAPES = {
    "W_E": (3, 2), "W_pos": (2, 2), "W_Q": (2, 4), "W_K": (2, 4), "W_V": (2, 4), "W_O": (4, 2), "W_U": (2, 3),
    "b_Q": (1, 4), "b_K": (1, 4), "b_V": (1, 4), "b_O": (1, 2), "b_U": (1, 3),
}  # fmt: skip


def numbers(name: str) -> list[list[Fraction]]:
    """Different dyadic numbers for each tensor: zeros, negatives, integers, and powers of two of any size."""
    first = sum(map(ord, name))
    rows, columns = SHAPES[name]
    sample = [
        Fraction(0),
        Fraction(-first),
        Fraction(first, 1024),
        Fraction(3, 2**1074),
        Fraction(5 * 2**900),
        Fraction(-first, 8),
    ]
    return [[sample[(3 * i + j) % len(sample)] for j in range(columns)] for i in range(rows)]


def statement(exponent: int = -1100, **changed: list[list[Fraction]]) -> Statement:
    """The network with those numbers, all over 2^exponent."""
    tensors = {}
    for name in SHAPES:
        rows = changed.get(name, numbers(name))
        integers = [int(value * Fraction(2) ** -exponent) for row in rows for value in row]
        tensors[name] = DyadicMatrix.from_integers(len(rows), len(rows[0]), integers, exponent)
    return Statement(OneLayerAttention(3, 2, 2, 4, MappingProxyType(tensors)), MaxOfK(2, 3))


def line(value: Fraction) -> str:
    if not value:
        return "0\n"
    odd, exponent = value.numerator, 1 - value.denominator.bit_length()
    while odd % 2 == 0:
        odd, exponent = odd // 2, exponent + 1
    return f"{'-' if odd < 0 else ''}{abs(odd):x}p{exponent}\n"


def tensor_hash(name: str) -> str:
    shape = SHAPES[name] if name[0] == "W" else SHAPES[name][1:]
    text = f"mechproof-tensor/1 {'x'.join(map(str, shape))}\n" + "".join(line(v) for row in numbers(name) for v in row)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def expected_text() -> str:
    names = ["W_E", "W_K", "W_O", "W_Q", "W_U", "W_V", "W_pos", "b_K", "b_O", "b_Q", "b_U", "b_V"]
    tensors = ",".join(f'"{name}":"{tensor_hash(name)}"' for name in names)
    return (
        '{"schema":"mechproof-statement/1",'
        '"architecture":{"family":"one-layer-attention-only","d_vocab":3,"n_ctx":2,"d_model":2,"d_head":4,'
        '"n_heads":1,"normalization":"none","attention_scale":"1/sqrt(d_head)","mask":"causal",'
        '"read_at":"last position"},'
        '"task":{"name":"max-of-k","inputs":"all d_vocab^n_ctx sequences","right":"strictly largest logit at '
        'the largest token","tie":"wrong"},'
        f'"tensors":{{{tensors}}}}}'
    )


def test_text_and_hash():
    """The text is the documented one, byte for byte, and the hash is of it."""
    assert statement().text() == expected_text()
    assert statement().sha256 == hashlib.sha256(expected_text().encode("ascii")).hexdigest()


def test_equal_numbers_equal_statement():
    """How the numbers are held does not enter."""
    assert statement(-1100).sha256 == statement(-1300).sha256


@pytest.mark.parametrize("name", SHAPES)
def test_every_number_enters(name):
    """One bit of one entry of any tensor, biases included, is another statement."""
    rows = [list(row) for row in numbers(name)]
    rows[-1][-1] += Fraction(1, 2**1074)
    assert statement(-1100, **{name: rows}).sha256 != statement().sha256


@pytest.mark.parametrize("change", [{"n_ctx": 3}, {"d_vocab": 4}])
def test_the_task_and_sizes_enter(change: dict[str, Any]):
    """Another architecture object or another shape is another statement."""
    here = statement()
    there = replace(here, network=replace(here.network, **change))
    assert there.sha256 != here.sha256


def test_what_a_configuration_settled_does_not_enter():
    """The hash is of the function; which keys a configuration gave changes what is assumed, not what is proved."""
    here = statement()
    there = replace(here, network=replace(here.network, settled=frozenset({"attn_scale"}), absent=("b_Q",)))
    assert there.sha256 == here.sha256
