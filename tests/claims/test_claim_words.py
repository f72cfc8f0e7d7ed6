"""Words: what they give, against numpy in floating point, and against each other where vectors and axes meet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mechproof.claims.errors import TwoReadings, WrongArguments
from mechproof.claims.session import Session
from mechproof.claims.syntax import parse
from mechproof.claims.words import DERIVED
from mechproof.models.weights import load_stored

RANDOM = np.random.default_rng(3)
TENSORS = {
    "A": np.round(RANDOM.normal(0, 2, (5, 4)), 3),
    "B": np.round(RANDOM.normal(0, 2, (5, 4)), 3),
    "S": np.round(RANDOM.normal(0, 2, (4, 4)), 3),
    "v": np.round(RANDOM.normal(0, 2, 4), 3),
    "w": np.round(RANDOM.normal(0, 2, 4), 3),
    "p": np.array([0.5, 0.25, 0.125, 0.125]),
    "r": np.array([0.25, 0.25, 0.25, 0.25]),
}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    file = Path(tmp_path_factory.mktemp("words")) / "t.npz"
    np.savez(file, **TENSORS)  # type: ignore[arg-type]
    return Session("t", None, "no network", stored=lambda: load_stored(file).tensors)


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


# What is typed, and what numpy gives for it.
A, B, S, v, w, p, r = (TENSORS[name] for name in "ABSvwpr")
EIGEN = np.linalg.eigvals(S)
EXPECTED = {
    "A.max()": A.max(),
    "A.max(axis=0)[2]": A.max(axis=0)[2],
    "A.max(1)[-1]": A.max(1)[-1],
    "A.min(dim=-1).sum()": A.min(-1).sum(),
    "A.mean(0)[1]": A.mean(0)[1],
    "np.mean(A, axis=1)[3]": A.mean(1)[3],
    "(A - A.mean(axis=1, keepdims=True))[2, 1]": (A - A.mean(1, keepdims=True))[2, 1],
    "A.sum(0)[0]": A.sum(0)[0],
    "A.argmax()": A.argmax(),
    "A.argmax(1)[2]": A.argmax(1)[2],
    "A.argmin(0)[3]": A.argmin(0)[3],
    "A.std(ddof=0)": A.std(),
    "np.std(A, axis=0)[1]": A.std(0)[1],
    "torch.std(A)": A.std(ddof=1),
    "A.var(dim=1, unbiased=True)[4]": A.var(1, ddof=1)[4],
    "np.median(A)": np.median(A),
    "np.median(A, axis=1)[0]": np.median(A, axis=1)[0],
    "torch.median(v[1:])": np.median(v[1:]),
    "np.quantile(A, 0.3)": np.quantile(A, 0.3),
    "np.quantile(A, 0.3, axis=0)[1]": np.quantile(A, 0.3, axis=0)[1],
    "np.percentile(A, 90)": np.percentile(A, 90),
    "np.linalg.norm(A)": np.linalg.norm(A),
    "np.linalg.norm(A, 2)": np.linalg.norm(A, 2),
    "np.linalg.norm(A, 1)": np.linalg.norm(A, 1),
    "np.linalg.norm(A, np.inf)": np.linalg.norm(A, np.inf),
    "np.linalg.norm(A, 'nuc')": np.linalg.norm(A, "nuc"),
    "torch.norm(A, 1)": np.abs(A).sum(),
    "A.norm(dim=-1)[2]": np.linalg.norm(A, axis=-1)[2],
    "norm(v, 1)": np.abs(v).sum(),
    "np.linalg.cond(S)": np.linalg.cond(S),
    "svd(A).S[1]": np.linalg.svd(A)[1][1],
    "abs(svd(A).U[2, 0])": abs(np.linalg.svd(A)[0][2, 0]),
    "abs(svd(A).Vh[1, 3])": abs(np.linalg.svd(A)[2][1, 3]),
    "abs(svd(A.T).V[4, 2])": abs(np.linalg.svd(A.T)[2][2, 4]),
    "svd(A).V[:, 0].max() - abs(svd(A).V[:, 0]).max()": 0,
    "np.linalg.norm(A - rank_k(A, 2))": np.sqrt((np.linalg.svd(A)[1][2:] ** 2).sum()),
    "rank_k(A, 2)[1, 1]": (np.linalg.svd(A)[0][:, :2] * np.linalg.svd(A)[1][:2] @ np.linalg.svd(A)[2][:2])[1, 1],
    "eigvals(S).real.max()": EIGEN.real.max(),
    "abs(eigvals(S)).sum()": np.abs(EIGEN).sum(),
    "eigvals(S).imag.max()": EIGEN.imag.max(),
    "eigvals(S).sum()": EIGEN.sum().real,
    "copying_score(S)": EIGEN.sum().real / np.abs(EIGEN).sum(),
    "np.trace(S)": np.trace(S),
    "cos(v, w)": v @ w / np.linalg.norm(v) / np.linalg.norm(w),
    "cos(S[:, 1], v)": S[:, 1] @ v / np.linalg.norm(v) / np.linalg.norm(S[:, 1]),
    "np.corrcoef(v, w)": np.corrcoef(v, w)[0, 1],
    "R2(A, B)": 1 - ((A - B) ** 2).sum() / ((A - A.mean()) ** 2).sum(),
    "mse(A, B)": ((A - B) ** 2).mean(),
    "v @ w": v @ w,
    "(A @ v)[3]": (A @ v)[3],
    "(v @ S)[2]": (v @ S)[2],
    "S[:, 0] @ S[:, 1]": S[:, 0] @ S[:, 1],
    "(S[:, 0] - S[1])[2]": (S[:, 0] - S[1])[2],
    "(S.diag() * v).sum()": (np.diag(S) * v).sum(),
    "mean(offdiag(S))": S[~np.eye(4, dtype=bool)].mean(),
    "outer(v, w)[1, 2]": np.outer(v, w)[1, 2],
    "(A / A.norm(dim=-1, keepdim=True))[1, 2]": (A / np.linalg.norm(A, axis=1, keepdims=True))[1, 2],
    "(A / B)[2, 2]": (A / B)[2, 2],
    "(A**2)[1, 1]": (A**2)[1, 1],
    "(A**-1)[1, 1]": (A**-1)[1, 1],
    "np.sqrt(abs(A))[0, 3]": np.sqrt(abs(A))[0, 3],
    "np.exp(v)[1]": np.exp(v)[1],
    "np.log(p)[2]": np.log(p)[2],
    "softmax(v)[2]": _softmax(v)[2],
    "softmax(A, dim=-1)[1, 3]": _softmax(A)[1, 3],
    "softmax(A, dim=0)[1, 3]": _softmax(A.T).T[1, 3],
    "log_softmax(v)[0]": np.log(_softmax(v))[0],
    "logsumexp(v)": np.log(np.exp(v).sum()),
    "cross_entropy(v, 2)": -np.log(_softmax(v))[2],
    "entropy(p)": -(p * np.log(p)).sum(),
    "KL(p, r)": (p * np.log(p / r)).sum(),
    "(A > 0).sum()": (A > 0).sum(),
    "(A > B).mean()": (A > B).mean(),
    "((A > 0) & (B > 0)).sum()": ((A > 0) & (B > 0)).sum(),
    "((A > 0) | (B > 0)).sum()": ((A > 0) | (B > 0)).sum(),
    "count(not (A > 0))": (A <= 0).sum(),
    "(A > 0).all(1).sum()": (A > 0).all(1).sum(),
    "(A > 0).any(dim=0).sum()": (A > 0).any(0).sum(),
    "np.diff(v).max()": np.diff(v).max(),
    "np.diff(A, axis=0)[2, 1]": np.diff(A, axis=0)[2, 1],
    "np.sort(A, axis=0)[1, 2]": np.sort(A, axis=0)[1, 2],
    "np.cumsum(v)[2]": np.cumsum(v)[2],
    "np.maximum(A, B)[1, 1]": np.maximum(A, B)[1, 1],
    "max(v[0], w[0], 0)": max(v[0], w[0], 0),
    "np.dot(A, v)[2]": (A @ v)[2],
    "cos(S, S.T)": (S * S.T).sum() / (S**2).sum(),
    "A.reshape(-1)[7]": A.reshape(-1)[7],
    "S.swapaxes(0, 1)[0, 2] + S.permute(1, 0)[0, 2]": 2 * S[2, 0],
    "relu(A).sum()": np.maximum(A, 0).sum(),
    "len(A)": 5,
    "A.shape[1]": 4,
    "[v[0], v[1], 7][2]": 7,
    "projection(A, v)[2]": (A @ v)[2] / np.linalg.norm(v),
    "A[-1, -2]": A[-1, -2],
    "A[1:-1, 0].sum()": A[1:-1, 0].sum(),
    "kurtosis(A, fisher=False)": ((A - A.mean()) ** 4).mean() / A.var() ** 2,
    "eye(4)[2, 2] + eye(4)[2, 3]": 1,
    "ones(4) @ v": v.sum(),
    "zeros(4).sum()": 0,
    "A.ptp()": A.max() - A.min(),
    "sigmoid(v)[1]": 1 / (1 + np.exp(-v[1])),
    "np.linalg.matrix_rank(A)": 4,
    "participation_ratio(A)": (A**2).sum() ** 2 / (np.linalg.svd(A)[1] ** 4).sum(),
    "stable_rank(A)": (A**2).sum() / np.linalg.norm(A, 2) ** 2,
}


@pytest.mark.parametrize("text", EXPECTED)
def test_a_word_is_what_numpy_gives(session, text):
    """Within the rounding of floats; and a claim that is off by more is false."""
    value = float(EXPECTED[text])
    room = 1e-9 * (1 + abs(value))
    found = session.settle(parse(f"{text} in [{value - room:.17e}, {value + room:.17e}]"))
    assert found.status == "PROVED", found.detail
    assert session.settle(parse(f"{text} < {value - room:.17e}")).status == "REFUTED"


def _between(first: float, second: float) -> str:
    return f"{(first + second) / 2:.17e}"


AMBIGUOUS = {
    f"S.std() > {_between(S.std(), S.std(ddof=1))}": ("ddof=0", "ddof=1"),
    f"norm(S, 1) > {_between(float(np.linalg.norm(S, 1)), float(np.abs(S).sum()))}": ("np.linalg.norm", "torch.norm"),
    f"rank(S, {np.linalg.svd(S)[1][-1] / 2:.3f}) = 4": ("atol=", "rtol="),
    f"fve(A, B) > {_between(1 - ((A - B) ** 2).sum() / (A**2).sum(), EXPECTED['R2(A, B)'])}": ("r_squared", "‖A‖²"),
    f"max(S - S[:, 0]) > {_between((S - S[:, :1]).max(), (S - S[:, 0]).max())}": ("as a column", "as a row"),
    f"A.median() > {_between(float(np.median(A)), float(np.sort(A.ravel())[9]))}": ("numpy", "torch"),
    f"max(S^2) > {_between((S**2).max(), (S @ S).max())}": ("each entry", "matrix product"),
}


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_readings_that_disagree_are_named(session, text):
    """Neither is taken silently."""
    with pytest.raises(TwoReadings) as caught:
        session.settle(parse(text))
    assert all(reading in str(caught.value) for reading in AMBIGUOUS[text])


@pytest.mark.parametrize(
    "text",
    ["A.reshape(10, 2)[0, 1]", "S.permute(0, 1)[0, 1]", "S.transpose(0, 1)[0, 1]", "diag(v).sum()", "inner(S, S)[0]"],
)
def test_what_would_mean_something_else_is_refused(session, text):
    """Another shape, axes that stay or not as the library has it, a matrix made of a vector: never another entry."""
    with pytest.raises(WrongArguments):
        session.settle(parse(f"{text} < 1"))


def test_readings_of_several_words_are_read_in_every_combination(session):
    """Either word alone read otherwise leaves this true, both together make it false: it is not settled."""
    spreads, norms = (S.std(), S.std(ddof=1)), (float(np.linalg.norm(S, 1)), float(np.abs(S).sum()))
    one, both = max(spreads[1] * norms[0], spreads[0] * norms[1]), spreads[1] * norms[1]
    with pytest.raises(TwoReadings):
        session.settle(parse(f"S.std() * norm(S, 1) < {_between(one, both)}"))
    assert session.settle(parse(f"S.std() * norm(S, 1) < {2 * both:.3f}")).status == "PROVED"


def test_an_axis_is_one_that_there_is(session):
    """A quantile along an axis that a matrix has not, and torch's median along one, are errors."""
    for text in ("np.quantile(A, 0.5, axis=2)[0] < 9", "A.median(dim=1)[0] < 9"):
        with pytest.raises(WrongArguments):
            session.settle(parse(text))


def test_readings_that_agree_settle_a_claim(session):
    """What both say is so."""
    assert session.settle(parse("S.std() > 0.01 and norm(S, 1) < 1000")).status == "PROVED"
    assert session.settle(parse("max(S - S[:, 0]) > 1000")).status == "REFUTED"


def test_every_derived_word_is_defined_in_words_that_exist(session):
    """Each gives a value for matrices or vectors that it can take."""
    for head in DERIVED:
        name, _, parameters = head.rstrip(")").partition("(")
        count = len(parameters.split(","))
        tried = [["S", "S"], ["p", "r"], ["S", "v"]]
        outcomes = []
        for given in tried:
            try:
                outcomes.append(session.settle(parse(f"max({name}({', '.join(given[:count])})) < 1e99")).status)
            except Exception as problem:
                outcomes.append(str(problem))
        assert "PROVED" in outcomes, (head, outcomes)


def test_matrices_beyond_refined_directions(tmp_path):
    """Singular values and the rank of a matrix too large for refined directions: those of floats enclose them too."""
    large = np.round(RANDOM.normal(0, 1, (270, 264)), 2)
    large[:, 5] = large[:, 6]
    np.savez(tmp_path / "t.npz", W=large)
    session = Session("t", None, "no network", stored=lambda: load_stored(tmp_path / "t.npz").tensors)
    first = float(np.linalg.svd(large)[1][0])
    assert session.settle(parse(f"spectral_norm(W) in [{first - 1e-8:.12e}, {first + 1e-8:.12e}]")).status == "PROVED"
    assert session.settle(parse(f"spectral_norm(W) < {first - 1e-8:.12e}")).status == "REFUTED"
    assert session.settle(parse("rank(W) = 263")).status == "PROVED"
