"""Sentences as authors of interpretability papers type them, out of notebooks: all parse, and all are decided."""

from __future__ import annotations

from functools import cache

import pytest
from author_sentences import LINES
from shares import shared_out

from mechproof.claims.session import Session
from mechproof.claims.syntax import parse
from mechproof.engine.checker import check
from mechproof.models.problem import statement_of
from mechproof.models.weights import load_stored
from mechproof.models.zoo import path


@cache
def session() -> Session:
    """The max-of-4 network of the zoo, with the tensors of its file."""
    file = path("max_of_4_v64_d32_seed50")
    return Session("zoo", statement_of(file), stored=lambda: load_stored(file).tensors)


def test_there_are_sixty_of_them():
    """Both verdicts are among them."""
    assert len(LINES) >= 60
    assert {verdict for verdict, _ in LINES} == {"PROVED", "REFUTED"}


@pytest.mark.parametrize(("verdict", "sentence"), LINES)
def test_a_sentence_is_decided_as_it_is_typed(verdict, sentence):
    """PROVED or REFUTED, as the weights are."""
    found = session().settle(parse(sentence))
    assert found.status == verdict, found.detail


# About the whole input set: each of their certificates holds a count of it, which takes as long as all others.
COUNTED = [line for line in LINES if "accuracy" in line[1]]


@pytest.mark.parametrize("counted", shared_out([False, True], kept=[False]))
def test_the_checker_reads_them_alike(tmp_path, counted):
    """Every verdict that has a certificate is verified from the text in the core of the language alone."""
    target, told = tmp_path / "certificate.json", 0
    for verdict, sentence in COUNTED if counted else [line for line in LINES if line not in COUNTED]:
        certificate = session().certificate(session().settle(parse(sentence)))
        if certificate is not None:
            target.write_bytes(certificate)
            found = check(target, path("max_of_4_v64_d32_seed50"))
            outcome = "holds" if verdict == "PROVED" else "fails"
            assert found.line.startswith(f"s VERIFIED claim {outcome}: "), (sentence, found.line)
            told += 1
    assert told >= (2 if counted else 50)


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("norm(W_E, 2) ≈ 12.69", "this has two readings: with norm(W_E, 2) as np.linalg.norm it is REFUTED"),
        ("EQKE^2 >= 0", "with the matrix product of EQKE with itself REFUTED"),
        ("rank(EVOU, tol=0.01) >= 20", "(write atol=0.01) it is PROVED"),
        ("EVOU.mx() > 3", "column 1: there is no 'mx' here; the nearest known name is 'max'"),
        ("W_EE.max() > 3", "the nearest known name is 'W_E'"),
        ("W_E[64, 0] > 1", "row 64 of a matrix that has 64 rows"),
        ("W_E @ W_E > 1", "64 × 32 @ 64 × 32: these shapes do not fit"),
        ("1 / min(abs(EVOU - EVOU)) > 1", "division by zero"),
        ("W_E.max(2) > 1", "max takes an axis of W_E, which has 2, found axis 2"),
        ("EVOU.max", "expected a comparison, found the end"),
        ("max(EVOU)", "max is not true or false"),
        ("EVOU > 0 and EVOU.argmax(1)", "column 14: argmax is not true or false"),
        ("EVOU > 0 and EVOU + 1", "expected a comparison, found the end"),
        ("EVOU.argmax(1) == arange(V) == 3 and svd(EVOU) > 3", "write svd(A).S"),
        ("eigvals(EVOU) > 1", "eigenvalues are complex and in no order"),
        ("softmax(EVOU) > 0", "softmax takes axis=0 or axis=1 of a matrix"),
        ("exists m in 5..4: EVOU[m, m] > 0", "the quantifier has no instances"),
        ("not (exists m in 5..4: EVOU[m, m] > 0)", "the quantifier has no instances"),
    ],
)
def test_what_is_ambiguous_or_wrong_is_one_sentence(sentence, told):
    """Two readings are both named, an unknown word with the nearest known one."""
    with pytest.raises(Exception) as caught:
        session().settle(parse(sentence))
    assert told in str(caught.value)
