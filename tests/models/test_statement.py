"""The statement's text and hash, against docs/statement.md §3 read a second time."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import pytest

from mechproof.engine.arithmetic.dyadic import DyadicMatrix
from mechproof.models.one_layer import with_weights
from mechproof.models.problem import stated
from mechproof.models.statement import Statement

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
    return stated(with_weights(tensors))


def line(value: Fraction) -> str:
    if not value:
        return "0\n"
    odd, exponent = value.numerator, 1 - value.denominator.bit_length()
    while odd % 2 == 0:
        odd, exponent = odd // 2, exponent + 1
    return f"{'-' if odd < 0 else ''}{abs(odd):x}p{exponent}\n"


def tensor_hash(name: str) -> str:
    shape = SHAPES[name] if name[0] == "W" else SHAPES[name][1:]
    if name[2:] in ("Q", "K", "V") or name == "W_O":
        shape = (1, *shape)
    text = f"mechproof-tensor/1 {'x'.join(map(str, shape))}\n" + "".join(line(v) for row in numbers(name) for v in row)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def expected_text() -> str:
    attention = ",".join(f'"{n}":"{tensor_hash(n)}"' for n in ("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V", "b_O"))
    return (
        '{"schema":"mechproof-statement/2","network":{"vocabulary":[3,3],"outputs":3,"layers":['
        f'{{"kind":"embed","tables":"shared","tensors":{{"E":"{tensor_hash("W_E")}","P":"{tensor_hash("W_pos")}"}}}},'
        f'{{"kind":"attention","heads":1,"scale":"1/sqrt(4)","mask":"causal","tensors":{{{attention}}}}},'
        f'{{"kind":"unembed","tensors":{{"W_U":"{tensor_hash("W_U")}","b_U":"{tensor_hash("b_U")}"}}}}]}},'
        '"task":{"name":"max-of-k","tokens":[[0,2],[0,2]],"condition":"none","read":[1],"counted":"inputs",'
        '"right":"max(t)","tie":"wrong","tensors":{}}}'
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


@pytest.mark.parametrize("task", ["kth-max:1", "kth-max:2", "expression:min(t)", "expression:max(t)"])
def test_the_task_enters(task: str):
    """By its name and its right answer."""
    assert stated(statement().network, task).sha256 != statement().sha256
