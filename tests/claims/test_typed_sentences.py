"""More sentences as authors type them, about tensors that no network is known of, each compared with numpy's float64.

Spellings of numpy, torch and LaTeX; kept are those that the language says (docs/claims.md).  The bounds are far from
what float64 gives, so that its rounding decides none.
"""

from __future__ import annotations

import numpy as np
import pytest

from mechproof.claims.errors import TwoReadings
from mechproof.claims.session import Session
from mechproof.claims.syntax import parse
from mechproof.models.weights import load_stored

RNG = np.random.default_rng(0)
STORED = {
    "A": RNG.standard_normal((20, 30)).astype(np.float32),
    "B": RNG.standard_normal((30, 20)).astype(np.float32),
    "v": RNG.standard_normal(30).astype(np.float32),
    "blocks.0.attn.W_Q": RNG.standard_normal((4, 16, 8)).astype(np.float32),
}
A, B, v, Q = (tensor.astype(np.float64) for tensor in STORED.values())
norm = np.linalg.norm
s = np.linalg.svd(A, compute_uv=False)
C = A[:, :20]
ev = np.linalg.eigvals(C)


def sm(x: np.ndarray) -> np.ndarray:
    """The softmax of each row."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


SENTENCES: list[tuple[str, object]] = [
    ("A[0,0] \\leq 1", True),
    ("A[0,0] \\geq 1", False),
    ("A[0,0] \\neq 1", True),
    ("A[0,0] \\cdot 2 = 2 \\times A[0,0]", True),
    ("A[0,0] = 0.1257 \\pm 0.001", True),
    ("kurtosis(v, fisher=False) > 2", True),
    ("scipy.stats.kurtosis(v) > 2", False),
    ("v.kurtosis() > -3", True),
    ("np.clip(A, -1, 1).max() = 1", True),
    ("A.clamp(max=1, min=-1).min() = -1", True),
    ("np.clip(A, a_min=0, a_max=1).min() = 0", True),
    ("torch.equal(A, A.T.T)", True),
    ("A.min(dim=0).values.max() < 0", A.min(0).max() < 0),
    ("np.linalg.norm(A, 'fro') < 25", norm(A) < 25),
    ("torch.linalg.svdvals(A)[0] < 11", s[0] < 11),
    ("torch.linalg.svdvals(A).max() / torch.linalg.svdvals(A).min() < 12", s[0] / s[-1] < 12),
    ("np.linalg.cond(A) < 12", np.linalg.cond(A) < 12),
    ("A.abs().max() > 3", abs(A).max() > 3),
    ("A.abs().mean() ≈ 0.79", abs(abs(A).mean() - 0.79) < 0.005),
    ("np.abs(A).sum() > 470", abs(A).sum() > 470),
    ("A.std() ≈ 1.0", abs(A.std() - 1) < 0.05),
    ("A.var(axis=0).max() < 2", A.var(0).max() < 2 and A.var(0, ddof=1).max() < 2),
    ("A.T.shape[0] = 30", True),
    ("(A @ B).trace() > 0", np.trace(A @ B) > 0),
    ("torch.trace(A @ B) > 0", np.trace(A @ B) > 0),
    ("(A * B.T).sum() > 0", np.trace(A @ B) > 0),
    ("A[:, 3].argmax() = 5", A[:, 3].argmax() == 5),
    ("A.argmax(axis=0)[3] = 5", A[:, 3].argmax() == 5),
    ("A[2].argmin() = 7", A[2].argmin() == 7),
    ("np.sort(v)[-1] = v.max()", True),
    ("v.sort()[0] = v.min()", True),
    ("np.percentile(v, 90) < 1.5", np.percentile(v, 90) < 1.5),
    ("v.norm() ≈ 4.6", abs(norm(v) - 4.6) < 0.05),
    ("torch.norm(v, p=1) < 25", abs(v).sum() < 25),
    ("np.linalg.norm(v, np.inf) < 2", abs(v).max() < 2),
    ("v.softmax(dim=0).max() < 0.2", sm(v).max() < 0.2),
    ("F.softmax(A, dim=-1).max() < 0.5", sm(A).max() < 0.5),
    ("torch.log_softmax(v, 0).min() > -6", np.log(sm(v)).min() > -6),
    ("torch.logsumexp(v, dim=0) < 4", np.log(np.exp(v).sum()) < 4),
    ("v.exp().sum().log() < 4", np.log(np.exp(v).sum()) < 4),
    ("torch.cosine_similarity(A[0], A[1], dim=0) < 0", A[0] @ A[1] / norm(A[0]) / norm(A[1]) < 0),
    ("F.cosine_similarity(A[0], A[1]) < 0", A[0] @ A[1] / norm(A[0]) / norm(A[1]) < 0),
    ("A[0].dot(A[1]) < 0", A[0] @ A[1] < 0),
    ("np.dot(A[0], v) < 5", A[0] @ v < 5),
    ("A[0] @ v < 5", A[0] @ v < 5),
    ("np.outer(A[:,0], v).max() < 4", np.outer(A[:, 0], v).max() < 4),
    ("np.linalg.matrix_rank(A) == 20", True),
    ("np.allclose(A, A.T.T)", True),
    ("(A > 0).all()", False),
    ("(A > 0).any()", True),
    ("(A > 0).sum() == 287", (A > 0).sum() == 287),
    ("np.count_nonzero(A > 0) == 287", (A > 0).sum() == 287),
    ("(A.max(dim=1).values > 1).all()", (A.max(1) > 1).all()),
    ("(A.max(1) > 1).mean() = 1", (A.max(1) > 1).all()),
    ("np.max(A, axis=1).min() > 1", (A.max(1) > 1).all()),
    ("A.clamp(min=0).sum() > 200", np.maximum(A, 0).sum() > 200),
    ("A.relu().sum() > 200", np.maximum(A, 0).sum() > 200),
    ("np.maximum(A, 0).sum() > 200", np.maximum(A, 0).sum() > 200),
    ("A[:, :20].diagonal().sum() < 5", np.trace(C) < 5),
    ("eigvals(A[:, :20]).real.max() < 6", ev.real.max() < 6),
    ("np.abs(np.linalg.eigvals(A[:, :20])).max() < 6", abs(ev).max() < 6),
    ("(eigvals(A[:, :20]).real > 0).sum() = 8", (ev.real > 0).sum() == 8),
    ("eigvals(A[:, :20]).imag.max() < 5", ev.imag.max() < 5),
    ("svd(A).S[:5].sum() / svd(A).S.sum() < 50 %", s[:5].sum() / s.sum() < 0.5),
    ("(svd(A).S**2)[:10].sum() / (svd(A).S**2).sum() > 0.75", (s**2)[:10].sum() / (s**2).sum() > 0.75),
    ("np.cumsum(svd(A).S**2)[9] / (svd(A).S**2).sum() > 0.75", (s**2)[:10].sum() / (s**2).sum() > 0.75),
    ("blocks.0.attn.W_Q[0].norm() > 11", norm(Q[0]) > 11),
    ("all(norm(blocks.0.attn.W_Q[h]) < 13 for h in range(4))", all(norm(Q[h]) < 13 for h in range(4))),
    ("(blocks.0.attn.W_Q[0].T @ blocks.0.attn.W_Q[1]).norm() < 40", norm(Q[0].T @ Q[1]) < 40),
    ("blocks.0.attn.W_Q[3, :, 2].mean() < 0.5", Q[3, :, 2].mean() < 0.5),
    ("1.0e-3 < abs(A[0,0]) <= 2", 1e-3 < abs(A[0, 0]) <= 2),
    ("0.1 <= A[0,0] <= 0.2", 0.1 <= A[0, 0] <= 0.2),
    ("A[0,0] \\approx 0.13", abs(A[0, 0] - 0.13) < 0.005),
    ("A[0,0] × 2 > 0", A[0, 0] > 0),
    ("A[0,0] ≤ 1", A[0, 0] <= 1),
    ("A[0,0] ≥ 1", A[0, 0] >= 1),
    ("A[0,0] ≠ 1", True),
    ("A.max() - A.min() < 7", np.ptp(A) < 7),
    ("np.ptp(A) < 7", np.ptp(A) < 7),
    ("A.numel() = 600", True),
    ("A.size = 600", True),
    ("len(A) = 20", True),
    ("A[-1, -1] < 2", A[-1, -1] < 2),
    ("A.pow(2).mean().sqrt() < 1.1", np.sqrt((A**2).mean()) < 1.1),
    ("torch.sqrt(torch.mean(A**2)) < 1.1", np.sqrt((A**2).mean()) < 1.1),
    ("(A - A.mean(0)).norm() < norm(A)", norm(A - A.mean(0)) < norm(A)),
    ("np.median(v) < 0.5", np.median(v) < 0.5),
    ("A.flatten()[31] = A[1, 1]", True),
    ("A.reshape(-1)[31] = A[1, 1]", True),
    ("torch.allclose(A, A, atol=1e-6)", True),
    ("torch.equal(A, A)", True),
    ("np.isclose(A[0,0], 0.1257, atol=1e-4)", bool(np.isclose(A[0, 0], 0.1257, atol=1e-4))),
    ("np.all(np.diff(np.sort(v)) >= 0)", True),
    ("(A @ B - (A @ B).T).abs().max() > 1", abs(A @ B - (A @ B).T).max() > 1),
    ("np.linalg.norm(A, axis=1).max() < 8", norm(A, axis=1).max() < 8),
    ("A.norm(dim=1, keepdim=True).min() > 3", norm(A, axis=1).min() > 3),
    ("A.std(dim=0, unbiased=False).max() < 1.5", A.std(0).max() < 1.5),
    ("A.float().double().mean().item() < 0.1", A.mean() < 0.1),
    ("A.detach().cpu().numpy().max() > 3", A.max() > 3),
]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The tensors of a file."""
    path = tmp_path_factory.mktemp("typed") / "tensors.npz"
    np.savez(path, **STORED)  # type: ignore[arg-type]
    return Session("tensors", None, "no network", stored=lambda: load_stored(path).tensors)


@pytest.mark.parametrize(("sentence", "true"), SENTENCES)
def test_a_sentence_is_as_numpy_says(session, sentence, true):
    """PROVED if it is true of the numbers, and else REFUTED."""
    found = session.settle(parse(sentence))
    assert found.status == ("PROVED" if true else "REFUTED"), found.detail


def test_a_kurtosis_is_scipys_or_not(session):
    """Of a normal distribution 3, or 0: a claim that the two decide differently names both."""
    with pytest.raises(TwoReadings, match="kurtosis"):
        session.settle(parse("kurtosis(v) > 0"))
    assert session.settle(parse("kurtosis(v) > -3")).status == "PROVED"
