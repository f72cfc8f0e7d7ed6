"""Every operation with a rule: near what torch computes in doubles, and around what Arb computes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch._subclasses.schema_check_mode import SchemaCheckMode

from mechproof.audits.program.balls import Balls, working
from mechproof.audits.program.call import Pass
from mechproof.audits.program.machine import Machine
from mechproof.audits.program.record import UnknownOperation
from mechproof.audits.program.rules import RULES
from mechproof.audits.program.twofold import Twofold


def table(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


X, Y, V = table(4, 5), table(4, 5, seed=1), table(5, seed=2)
P = X.abs() + 0.1
S = X @ X.T + torch.eye(4, dtype=torch.float64)
IMAGE, KERNEL = table(2, 4, 6, 5, seed=3), table(6, 2, 3, 2, seed=4)
MASK = X > 0.2
PLACES = torch.tensor([[0, 2, 1, 1, 3], [3, 3, 0, 2, 1]])

FORMULAS = {
    "add": lambda: X + Y * 3 + 0.1,
    "sub": lambda: 1 - X - Y,
    "alpha": lambda: torch.add(X, Y, alpha=2.5) + torch.sub(X, Y, alpha=3),
    "div": lambda: X / P + 1 / P + torch.div(X, P, rounding_mode="floor"),
    "powers": lambda: X**2 + X**3 + P**-2 + P**0.5 + P**1.5 + 2**X,
    "abs neg sign": lambda: X.abs() - (-X).sign() * X.square(),
    "exp log": lambda: X.exp() + P.log() + P.log1p() + X.expm1() + P.log2() + P.log10() + X.exp2(),
    "roots": lambda: P.sqrt() + P.rsqrt() + P.reciprocal(),
    "circle": lambda: X.sin() + X.cos() + X.tan() + X.atan() + (X / 4).asin() + (X / 4).acos(),
    "hyperbolic": lambda: X.sinh() + X.cosh() + X.tanh() + X.asinh() + (P + 1).acosh() + (X / 4).atanh(),
    "error functions": lambda: X.erf() + X.erfc() + torch.lgamma(P) + torch.digamma(P),
    "activations": lambda: F.relu(X) + F.leaky_relu(X) + F.elu(X) + F.gelu(X) + F.silu(X) + F.softplus(X) + F.mish(X),
    "more activations": lambda: (
        F.relu6(X) + F.hardtanh(X) + F.hardswish(X) + F.hardsigmoid(X) + F.logsigmoid(X) + F.selu(X)
    ),
    "gelu tanh": lambda: (
        F.gelu(X, approximate="tanh") + F.threshold(X, 0.1, 0.5) + F.prelu(X, torch.tensor([0.25]).double())
    ),
    "clamp": lambda: X.clamp(-0.5, 0.7) + X.clamp(min=0) + X.clamp(max=0.1) + X.clamp(Y - 1, Y + 1),
    "extremes of two": lambda: torch.maximum(X, Y) - torch.minimum(X, Y),
    "steps": lambda: X.floor() + X.ceil() + X.round() + X.trunc() + X.frac(),
    "remainders": lambda: X.remainder(0.7) + X.fmod(0.7) + torch.floor_divide(X, P),
    "combinations": lambda: (
        X.lerp(Y, 0.3) + torch.addcmul(X, Y, P, value=2) + torch.addcdiv(X, Y, P) + torch.hypot(X, Y)
    ),
    "logs of sums": lambda: torch.logaddexp(X, Y) + torch.xlogy(X, P) + (P / 9).logit(),
    "sigmoid": lambda: X.sigmoid() + torch.heaviside(X, Y),
    "sum": lambda: X.sum() + X.sum(0) + X.sum(1, keepdim=True) + X.sum((0, 1)),
    "mean": lambda: X.mean() + X.mean(0) + X.mean(1, keepdim=True) + P.prod(0) + P.prod(),
    "spread": lambda: X.var() + X.std(1, keepdim=True) + X.var(0, correction=0) + torch.var_mean(X, 0)[1],
    "norms": lambda: X.norm() + X.norm(dim=0) + X.abs().norm(1, 0) + torch.linalg.vector_norm(X, float("inf"), dim=0),
    "matrix norm": lambda: torch.linalg.matrix_norm(X, 2) + torch.linalg.matrix_norm(X),
    "extremes": lambda: (
        X.amax(0) + X.amin(1, keepdim=True) + X.max() - X.min() + X.max(0).values + X.min(1, keepdim=True)[0]
    ),
    "running": lambda: X.cumsum(0) + P.cumprod(1) + X.cummax(1).values + X.cummin(0).values,
    "softmax": lambda: X.softmax(0) + X.log_softmax(1) + X.logsumexp(0),
    "normalised": lambda: F.layer_norm(X, [5], V, V) + F.normalize(X, dim=1),
    "batch norm": lambda: F.batch_norm(IMAGE, V[:4], P[:, 0], V[1:5], P[:, 1]),
    "order": lambda: (
        X.sort(1).values + X.sort(1, descending=True)[0] + X.flatten()[X.flatten().argsort()].reshape(4, 5)
    ),
    "first": lambda: X.topk(2).values.sum() + X.topk(3, dim=0, largest=False).values + X.median() + X.median(0).values,
    "products": lambda: (
        (X @ Y.T).sum() + X @ V + V @ V + torch.outer(V, V).sum() + torch.einsum("ij,kj->ik", X, Y).sum()
    ),
    "added products": lambda: torch.addmm(X[:, :4], X, Y.T, beta=2, alpha=3) + torch.addmv(X[:, 0], X, V)[:, None],
    "batches": lambda: (
        torch.bmm(IMAGE[0], IMAGE[1].transpose(1, 2)) + F.linear(IMAGE[0], V.expand(6, 5), V[0].expand(6))
    ),
    "attention": lambda: F.scaled_dot_product_attention(IMAGE, IMAGE, IMAGE, is_causal=True),
    "convolution": lambda: F.conv2d(IMAGE, KERNEL, V[0].expand(6), stride=2, padding=1, dilation=(1, 2), groups=2),
    "convolution of one axis": lambda: F.conv1d(IMAGE[0], KERNEL[:, :, 0].reshape(2, 6, 2), padding=1),
    "transposed": lambda: F.conv_transpose2d(IMAGE, KERNEL[:4], stride=2, padding=1, output_padding=1, groups=2),
    "pooling": lambda: F.max_pool2d(IMAGE, 2).sum() + F.avg_pool2d(IMAGE, 2, 1),
    "solving": lambda: torch.linalg.inv(S) + torch.linalg.cholesky(S) + torch.linalg.solve(S, S.T @ S),
    "determinant": lambda: torch.linalg.det(S) + S.trace() + torch.linalg.solve(S, S[0]),
    "places": lambda: X.T.reshape(4, 5) + X.flip(0) + X.roll(1, 1) + X.repeat(1, 2)[:, 5:] + X.tril() + X.triu(),
    "parts": lambda: torch.cat([X, Y])[2:6] + torch.stack([X, Y])[1] + X[[1, 0, 2, 3]] + X.clone(),
    "masks": lambda: torch.where(MASK, X, Y) + X.masked_fill(MASK, 0.3) + X[MASK].sum() + X.masked_select(MASK).mean(),
    "gathered": lambda: (
        X.gather(0, PLACES) + X.index_select(0, PLACES[0, :2]) + X.take(PLACES) + F.embedding(PLACES[:, 0], X)
    ),
    "scattered": lambda: X.scatter(0, PLACES, Y) + X.scatter_add(0, PLACES, Y) + X.index_add(0, PLACES[0, :4], Y),
    "padded": lambda: F.pad(X, (1, 2), value=0.25).sum() + torch.diag_embed(V).sum() + X.unfold(1, 2, 1).sum(),
    "windows": lambda: (
        F.unfold(IMAGE, 2).sum() + F.interpolate(IMAGE, scale_factor=2).sum() + F.pixel_shuffle(IMAGE, 2).sum()
    ),
    "types": lambda: X.double() + PLACES.double().sum() + X.long() + MASK.double() + X.bool(),
    "distances": lambda: torch.cdist(X, Y, compute_mode="donot_use_mm_for_euclid_dist"),
    "views": lambda: (
        torch.stack(X.unbind(0)) + X.view(4, 5) + X[None].squeeze(0) + X.T.T + torch.cat(X.split(2)) + X.expand(4, 5)
    ),
}


def beside(formula, kind):
    machine = Machine(kind)
    with machine.running():
        found = formula()
    return found, machine


@pytest.mark.parametrize("name", FORMULAS)
def test_operations(name):
    """An enclosure is around Arb's, whose middle is what torch computes, to double precision."""
    found, machine = beside(FORMULAS[name], Twofold)
    numbers = machine.memory.read(found)
    assert numbers.shape == tuple(found.shape)
    with working(400):
        kept, slow = beside(FORMULAS[name], Balls)
        balls = slow.memory.read(kept)
        low, high = balls.low(), balls.high()
        middle = balls.mid()
    assert np.allclose(middle, found.numpy(), rtol=1e-10, atol=1e-10)
    assert (numbers.low() <= high).all() and (low <= numbers.high()).all()
    assert float(np.max(numbers.radius())) < 1e-10


def test_enough_operations():
    """The specification asks for 120; a rule that no formula uses would prove nothing, so most are used above."""
    used = set()
    for formula in FORMULAS.values():
        used |= set(beside(formula, Twofold)[1].record.operations)
    assert len(RULES) > 200 and len(used) >= 120, sorted(used)


@pytest.mark.parametrize("part", [Pass.observe, Pass.exact])
def test_the_observing_pass_changes_nothing(part):
    """Bit for bit; nor does the exact pass where nothing flips."""
    for formula in FORMULAS.values():
        machine = Machine(Twofold, part)
        with machine.running():
            found = formula()
        assert (found == formula()).all()


def test_what_is_unknown_is_refused():
    """By name and line, never passed over."""
    machine = Machine()
    with pytest.raises(UnknownOperation, match=r"aten.fft|aten._fft.* at test_operations.py:\d+"), machine.running():
        torch.fft.fft(X).real.sum()


def test_schemas_say_what_is_written():
    """What an audit trusts of torch: which tensors an operation writes, and which share memory."""
    for formula in FORMULAS.values():
        with SchemaCheckMode():
            formula()
