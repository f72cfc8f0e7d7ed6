"""Boxes for networks that say by layers of their own what others fold into weights: linear maps, and norms."""

from __future__ import annotations

from pathlib import Path

import layered_network as reference
import pytest

import mechproof
from mechproof.engine.domains.separable import NotSeparable

V, K, D = 5, 3, 4


def networks() -> dict[str, reference.Layers]:
    """One layer of attention, with other layers before and after it."""
    draw = reference.Draw(11)
    embed, attention, end = draw.embed(V, D, K), draw.attention(D, 2), draw.unembed(D, V)

    def linear() -> dict[str, object]:
        return {"kind": "linear", "W": draw(D, D), "b": draw(D)}

    def norm(function: str) -> dict[str, object]:
        return {"kind": "norm", **draw.norm(D, function)}

    return {
        "linear before": [embed, linear(), attention, end],
        "linear after": [embed, attention, linear(), linear(), end],
        "linear, MLP": [embed, linear(), draw.attention(D, 1), linear(), draw.mlp(D, 3, "relu"), end],
        "norm before": [embed, norm("layernorm"), attention, end],
        "norm at the end": [embed, attention, norm("layernorm"), end],
        "norm, then linear": [embed, attention, norm("rmsnorm"), linear(), end],
        "MLP, norm at the end": [embed, draw.attention(D, 1), draw.mlp(D, 3, "relu"), norm("layernorm"), end],
        "norm twice": [embed, norm("layernorm"), linear(), attention, norm("rmsnorm"), end],
    }


@pytest.mark.parametrize("name", networks())
def test_what_is_proved_by_boxes_is_verified(name: str, tmp_path: Path) -> None:
    """The prover's count is that of enumeration, and its certificate is accepted."""
    layers = networks()[name]
    path = reference.write(layers, tmp_path)
    proof = mechproof.prove(path, strategy="branch_and_bound")
    right = reference.count(layers, reference.every(*[V] * K), max)
    assert proof.theorem.low == proof.theorem.high == right
    proof.write(tmp_path / "proof")
    verdict = mechproof.check(tmp_path / "proof" / "certificate.json", path)
    assert verdict.exit_code == 0, verdict.line


@pytest.mark.parametrize("skip", ["added", "none"])
def test_what_boxes_do_not_apply_to_is_not_proved(skip: str, tmp_path: Path) -> None:
    """An MLP before the attention, and a pointwise map after it."""
    draw = reference.Draw(12)
    attention, end = draw.attention(D, 1), draw.unembed(D, V)
    for middle in (
        [draw.mlp(D, D, "relu", skip=skip), attention],
        [attention, {"kind": "pointwise", "function": "relu"}],
    ):
        path = reference.write([draw.embed(V, D, K), *middle, end], tmp_path)
        with pytest.raises(NotSeparable):
            mechproof.prove(path, strategy="branch_and_bound")


@pytest.mark.parametrize("middle", ["sum", "concat", ""])
def test_a_norm_before_positions_are_mixed_is_one_of_every_position(middle: str, tmp_path: Path) -> None:
    """A norm that acts on each of several streams before they become one is not the norm of that one."""
    draw = reference.Draw(13)
    mix = [{"kind": middle}] if middle else []
    layers = [draw.embed(V, D, K), {"kind": "norm", **draw.norm(D)}, *mix]
    layers.append(draw.unembed(D * K if middle == "concat" else D, V))
    path = reference.write(layers, tmp_path)
    proof = mechproof.prove(path, strategy="enumerate")
    assert proof.theorem.low == proof.theorem.high == reference.count(layers, reference.every(*[V] * K), max)
    proof.write(tmp_path / "proof")
    assert mechproof.check(tmp_path / "proof" / "certificate.json", path).exit_code == 0


def test_a_norm_at_the_end_of_several_positions(tmp_path: Path) -> None:
    """Every position that is read has its own."""
    draw = reference.Draw(14)
    layers = [draw.embed(V, D, K), draw.attention(D, 1), {"kind": "norm", **draw.norm(D)}, draw.unembed(D, V)]
    path, task = reference.write(layers, tmp_path), tmp_path / "task.toml"
    answers = ["max(t[0], t[1])"] * K
    task.write_text(f'positions = {K}\nread = "all"\ncounted = "pairs"\nanswers = {answers}\n')
    found = [reference.right(layers, t, [max(t[:2])] * K, range(K)) for t in reference.every(*[V] * K)]
    proof = mechproof.prove(path, task=str(task), strategy="enumerate")
    assert proof.theorem.low == proof.theorem.high == sum(map(sum, found))
    proof.write(tmp_path / "proof")
    assert mechproof.check(tmp_path / "proof" / "certificate.json", path, task=str(task)).exit_code == 0
