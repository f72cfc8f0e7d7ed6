"""What the sentences of an author say, worked out a second time in float64 from the stored weights, without any part
of the program but its list of sentences: a verdict that is wrong would be seen here.

Every comparison has room far beyond float64's rounding; the test says so for each number (``near`` refuses a near tie).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from author_sentences import LINES
from safetensors.numpy import load_file

from mechproof.models.zoo import path

norm, svd = np.linalg.norm, np.linalg.svd
ROOM = 1e-9


@cache
def net() -> SimpleNamespace:
    """Tables of the network by the formulas of the papers."""
    stored = {
        name.rpartition(".")[2]: t.astype(np.float64) for name, t in load_file(path("max_of_4_v64_d32_seed50")).items()
    }
    n = SimpleNamespace(
        **{name: t[0] if t.ndim == 3 or name in ("b_Q", "b_K", "b_V") else t for name, t in stored.items()}
    )
    query = (n.W_E + n.W_pos[-1]) @ n.W_Q + n.b_Q
    n.EQKE, n.EQKP = query @ (n.W_E @ n.W_K).T, query @ (n.W_pos @ n.W_K + n.b_K).T
    n.EVOU, n.PVOU = n.W_E @ n.W_V @ n.W_O @ n.W_U, (n.W_pos @ n.W_V + n.b_V) @ n.W_O @ n.W_U
    n.EUPU = (n.W_E + n.W_pos[-1] + n.b_O) @ n.W_U + n.b_U
    n.u, n.S, vt = svd(n.EQKE)
    n.rest = n.EQKE - n.S[0] * np.outer(n.u[:, 0], vt[0])
    n.v = vt[0] * np.sign(vt[0][np.abs(vt[0]).argmax()])
    n.sigma = svd(n.EVOU, compute_uv=False)
    n.wrong = int((n.EVOU.argmax(1) != np.arange(64)).sum())
    n.mean = n.EQKE.mean(0)
    n.diagonal = np.diag(n.EVOU)
    n.others = n.EVOU[~np.eye(64, dtype=bool)].reshape(64, 63)
    return n


def logits(n: SimpleNamespace, *tokens: int) -> np.ndarray:
    """One forward pass."""
    q, places = tokens[-1], np.arange(len(tokens))
    scores = (n.EQKE[q, list(tokens)] + n.EQKP[q, places]) / np.sqrt(32)
    weights = np.exp(scores - scores.max())
    return n.EUPU[q] + weights / weights.sum() @ (n.EVOU[list(tokens)] + n.PVOU[places])


def softmax(x: np.ndarray) -> np.ndarray:
    return np.exp(x - x.max()) / np.exp(x - x.max()).sum()


@cache
def accuracy() -> float:
    """Of all 64^4 inputs, by float64 sums."""
    n, right = net(), 0
    tokens = np.arange(64)
    largest = np.maximum.outer(np.maximum.outer(tokens, tokens), tokens).ravel()
    for q in range(64):
        scores = (n.EQKE[q][None] + n.EQKP[q][:, None]) / np.sqrt(32)
        weights = np.exp(scores - scores.max())
        parts = weights[:, :, None] * (n.EVOU[None] + n.PVOU[:, None] + n.EUPU[q])
        sums = parts[0][:, None, None] + parts[1][None, :, None] + (parts[2] + parts[3][q])[None, None]
        right += int((sums.reshape(-1, 64).argmax(1) == np.maximum(largest, q)).sum())
    return right / 64**4


def above(value: Any, bound: Any) -> bool:
    """value > bound, nowhere nearly equal."""
    gap = np.asarray(value, dtype=float) - bound
    assert (np.abs(gap) > ROOM * (1 + np.abs(bound))).all()
    return bool((gap > 0).all())


def near(value: Any, printed: float, half: float) -> bool:
    """Within half a unit, and not nearly at the ends."""
    gap = np.abs(np.asarray(value, dtype=float) - printed) - half
    assert (np.abs(gap) > ROOM * (1 + abs(printed))).all()
    return bool((gap < 0).all())


def rank_k(a: np.ndarray, k: int) -> np.ndarray:
    u, s, vt = svd(a)
    return u[:, :k] * s[:k] @ vt[:k]


def eigen(a: np.ndarray) -> Any:
    return np.linalg.eigvals(a)


Said = Callable[[SimpleNamespace], bool]
TRUTHS: list[tuple[str, Said]] = [
    ("S = svd(EQKE).S; S[0]/S[1] ≈ 1093", lambda n: near(n.S[0] / n.S[1], 1093, 0.5)),
    ("norm(EQKE - rank1(EQKE)) / norm(EQKE) ≈ 0.0024", lambda n: near(norm(n.rest) / norm(n.EQKE), 0.0024, 0.00005)),
    ("np.linalg.norm(EQKE - rank1(EQKE), 2) ≈ 7.3", lambda n: near(norm(n.rest, 2), 7.3, 0.05)),
    ("rank(EVOU, atol=0.01) = 30", lambda n: int((n.sigma > 0.01).sum()) == 30),
    ("rank(EVOU, rtol=0.01) = 11", lambda n: int((n.sigma > 0.01 * n.sigma[0]).sum()) == 11),
    ("rank(EVOU) <= 32", lambda n: np.linalg.matrix_rank(n.EVOU) <= 32),
    (
        "frobenius(EVOU - rank_k(EVOU, 5)) < 30 % * frobenius(EVOU)",
        lambda n: above(0.3 * norm(n.EVOU), norm(n.EVOU - rank_k(n.EVOU, 5))),
    ),
    (
        "sum(sigma(EVOU)^2)^2/sum(sigma(EVOU)^4) ≈ 2.53",
        lambda n: near((n.sigma**2).sum() ** 2 / (n.sigma**4).sum(), 2.53, 0.005),
    ),
    ("is_increasing(svd(EQKE).V[:,0][19:])", lambda n: bool((np.diff(n.v[19:]) > 0).all())),
    ("abs(dot(svd(EQKE).U[:, 0], ones(64))) / 8 >= 0.99", lambda n: above(abs(n.u[:, 0].sum()) / 8, 0.99)),
    ("(EVOU.argmax(dim=-1) == arange(V)).all()", lambda n: n.wrong == 0),
    ("for all but 8 m: EVOU[m].argmax() = m", lambda n: n.wrong <= 8),
    ("for all but 5 m: EVOU[m].argmax() = m", lambda n: n.wrong <= 5),
    (
        "for all m in 8..63, x in tokens, x != m: EVOU[m,m] - EVOU[m,x] >= 1",
        lambda n: above((n.diagonal[:, None] - n.others)[8:].min(), 1),
    ),
    (
        "EVOU.diag().mean() ≈ 21.1 and mean(offdiag(EVOU)) ≈ 1.07",
        lambda n: near(n.diagonal.mean(), 21.1, 0.05) and near(n.others.mean(), 1.07, 0.005),
    ),
    ("min(diag(EVOU)) > 0", lambda n: above(n.diagonal.min(), 0)),
    ("for all q, k < 63: EQKE[q,k+1] > EQKE[q,k]", lambda n: above(np.diff(n.EQKE[:63], axis=1).min(), 0)),
    ("is_increasing(EQKE.mean(0)[19:])", lambda n: above(np.diff(n.mean[19:]).min(), 0)),
    ("corrcoef(EQKE.mean(0), arange(64)) > 0.99", lambda n: above(np.corrcoef(n.mean, np.arange(64))[0, 1], 0.99)),
    ("(EQKE.mean(0)[63]-EQKE.mean(0)[0])/63 ≈ 20.0", lambda n: near((n.mean[63] - n.mean[0]) / 63, 20.0, 0.05)),
    ("max(EQKP.max(1)-EQKP.min(1))/sqrt(d_head) <= 0.8", lambda n: above(0.8, np.ptp(n.EQKP, axis=1).max() / 32**0.5)),
    ("argmax(logits(0,0,0,0)) = 11", lambda n: int(logits(n, 0, 0, 0, 0).argmax()) == 11),
    ("1 - accuracy ≈ 0.05 %", lambda n: near(1 - accuracy(), 5e-4, 5e-5)),
    ("accuracy ~ 99.98 %", lambda n: near(accuracy(), 0.9998, 5e-5)),
    (
        "[norm(W) for W in [W_E,W_Q,W_K]] ≈ [12.69, 12.74, 7.9] or W_E.norm() ≈ 12.69",
        lambda n: near(norm(n.W_E), 12.69, 0.005),
    ),
    ("median(abs(EQKE - rank1(EQKE))) ≈ 0.13", lambda n: near(np.median(np.abs(n.rest)), 0.13, 0.005)),
    ("std(EUPU) < 1", lambda n: above(1, n.EUPU.std()) and above(1, n.EUPU.std(ddof=1))),
    ("sigma(EQKE,1)/sigma(EQKE,2) = 1093 ± 1", lambda n: near(n.S[0] / n.S[1], 1093, 1)),
    ("sigma(EQKE,1) ≈ 8000", lambda n: near(n.S[0], 8000, 0.5)),
    ("sigma(EQKE,1) ~ 8000", lambda n: near(n.S[0], 8000, 500)),
    ("sigma(EQKE,1) ≈ 8000 to 2 significant digits", lambda n: near(n.S[0], 8000, 50)),
    (
        "norm(W_O @ W_U) / (norm(W_O)*norm(W_U)) ≈ 0.29",
        lambda n: near(norm(n.W_O @ n.W_U) / norm(n.W_O) / norm(n.W_U), 0.29, 0.005),
    ),
    (
        "all(EVOU[m,m] > EVOU[m,q] for m in range(8, 64) for q in range(64) if q != m)",
        lambda n: above((n.diagonal - n.others.max(1))[8:].min(), 0),
    ),
    (
        "copying_score(W_V @ W_O) > 0.79",
        lambda n: above(np.trace(n.W_V @ n.W_O) / np.abs(eigen(n.W_V @ n.W_O)).sum(), 0.79),
    ),
    (
        "(eigvals(EVOU).real > 0).mean() < 0.5",
        lambda n: above(32, (eigen(n.W_U @ n.W_E @ n.W_V @ n.W_O).real > 0).sum()),
    ),
    (
        "eigvals(W_V @ W_O).real.sum() / abs(eigvals(W_V @ W_O)).sum() ≈ 0.79",
        lambda n: near(np.trace(n.W_V @ n.W_O) / np.abs(eigen(n.W_V @ n.W_O)).sum(), 0.79, 0.005),
    ),
    ("torch.linalg.norm(W_U) < 20", lambda n: above(20, norm(n.W_U))),
    (
        "np.linalg.norm(W_Q @ W_K.T, ord=2) > np.linalg.norm(W_Q @ W_K.T, ord='fro') / 10",
        lambda n: above(norm(n.W_Q @ n.W_K.T, 2), norm(n.W_Q @ n.W_K.T) / 10),
    ),
    ("(W_E.norm(dim=-1) < 3).all()", lambda n: above(3, norm(n.W_E, axis=1).max())),
    ("W_E.norm(dim=-1).max() ≈ 2.04", lambda n: near(norm(n.W_E, axis=1).max(), 2.04, 0.005)),
    (
        "cosine_similarity(W_E[:, 0], W_U[0]) > 0.9",
        lambda n: above(n.W_E[:, 0] @ n.W_U[0] / norm(n.W_E[:, 0]) / norm(n.W_U[0]), 0.9),
    ),
    (
        "R2(EQKE, rank1(EQKE)) > 0.999",
        lambda n: above(1 - (n.rest**2).sum() / ((n.EQKE - n.EQKE.mean()) ** 2).sum(), 0.999),
    ),
    (
        "1 - norm(EQKE - rank1(EQKE))**2 / norm(EQKE)**2 > 99.9 %",
        lambda n: above(1 - (norm(n.rest) / norm(n.EQKE)) ** 2, 0.999),
    ),
    ("(EVOU.argmax(dim=1) == torch.arange(64)).float().mean() >= 0.9", lambda n: 1 - n.wrong / 64 >= 0.9),
    ("(EVOU.argmax(dim=1) == arange(64)).sum() = 58", lambda n: 64 - n.wrong == 58),
    ("count(EVOU.argmax(1) != arange(64)) = 6", lambda n: n.wrong == 6),
    ("for all but exactly 6 m: EVOU[m].argmax() = m", lambda n: n.wrong == 6),
    ("exists m: EVOU[m, m] < max(EVOU[m])", lambda n: n.wrong > 0),
    (
        "not (exists m in 7..63: EVOU[m, m] < max(EVOU[m]))",
        lambda n: above((n.diagonal - n.others.max(1))[7:].min(), 0),
    ),
    (
        "max(abs(EQKP)) < 3 or max(abs(EQKE)) < 3",
        lambda n: above(3, np.abs(n.EQKP).max()) or above(3, np.abs(n.EQKE).max()),
    ),
    (
        "sum(svd(EVOU).S[:5]**2) / sum(svd(EVOU).S**2) > 95 %",
        lambda n: above((n.sigma[:5] ** 2).sum() / (n.sigma**2).sum(), 0.95),
    ),
    ("np.quantile(abs(EQKE - rank1(EQKE)), 0.99) < 1", lambda n: above(1, np.quantile(np.abs(n.rest), 0.99))),
    ("(np.abs(EUPU) < 1).mean() > 0.75", lambda n: above((np.abs(n.EUPU) < 1).mean(), 0.75)),
    ("softmax(logits(3, 17, 5, 6))[17] > 0.99", lambda n: above(softmax(logits(n, 3, 17, 5, 6))[17], 0.99)),
    ("-log(softmax(logits(3,17,5,6))[17]) < 0.01", lambda n: above(0.01, -np.log(softmax(logits(n, 3, 17, 5, 6))[17]))),
    ("cross_entropy(3,17,5,6) < 0.01", lambda n: above(0.01, -np.log(softmax(logits(n, 3, 17, 5, 6))[17]))),
    ("np.diff(EQKE.mean(0)[17:]).min() > 0", lambda n: above(np.diff(n.mean[17:]).min(), 0)),
    ("(np.diff(EQKE, axis=1) > 0).mean() ≈ 0.97", lambda n: near((np.diff(n.EQKE, axis=1) > 0).mean(), 0.97, 0.005)),
    ("np.allclose(EQKE, rank1(EQKE), atol=1.5, rtol=0)", lambda n: above(1.5, np.abs(n.rest).max())),
    ("EQKE[-1].argmax() = 63", lambda n: int(n.EQKE[-1].argmax()) == 63),
    ("EQKE[:, -1].min() > 200", lambda n: above(n.EQKE[:, -1].min(), 200)),
    ("for every m >= 8: correct(m, m, m, m)", lambda n: all(logits(n, m, m, m, m).argmax() == m for m in range(8, 64))),
    ("KL(softmax(logits(3,17,5,6)), softmax(logits(17,3,5,6))) < 1e-4", lambda n: above(1e-4, divergence(n))),
    (
        "(EVOU - EVOU.mean(dim=-1, keepdim=True)).diag().min() > 5",
        lambda n: above((n.diagonal - n.EVOU.mean(1)).min(), 5),
    ),
    ("W_E.shape[0] = d_vocab and W_E.shape[1] = d_model", lambda n: n.W_E.shape == (64, 32)),
]


def divergence(n: SimpleNamespace) -> float:
    p, q = softmax(logits(n, 3, 17, 5, 6)), softmax(logits(n, 17, 3, 5, 6))
    return float((p * np.log(p / q)).sum())


def test_every_sentence_is_worked_out():
    """None is left to the program's own word."""
    assert [sentence for _, sentence in LINES] == [sentence for sentence, _ in TRUTHS]


@pytest.mark.parametrize(
    ("verdict", "said"),
    [(v, f) for (v, _), (_, f) in zip(LINES, TRUTHS, strict=True)],
    ids=[re.sub(r"\W+", "-", s) for s, _ in TRUTHS],
)
def test_the_expected_verdict_is_true(verdict, said):
    """As numpy finds it."""
    assert said(net()) == (verdict == "PROVED")
