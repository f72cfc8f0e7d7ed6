"""``row_difference_*/1``: every bound is compared with the exact range of its row."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from mechproof.engine.checker import rule_row_difference

# A configuration that uses the rule, and whether its bounds are the exact ranges.
USERS = {
    "exact": ("exact/mean/mdx", True),
    "spectral": ("exact/mean/svd", False),
    "length": ("exact/mean/len", False),
    "product": ("md/mean/md", False),
    "mean": ("md/mean/mmd", False),
    "along": ("md/mean/msub", True),
    "least": ("md/mean/msub", False),
}


@pytest.fixture(scope="module")
def model(emitter: Any) -> Any:
    return emitter.pulled_model(0, 4, 3, 0.3)


@pytest.fixture(scope="module")
def certificates(subcubic: Any, model: Any) -> Any:
    return {configuration: subcubic(model, configuration) for configuration, _ in set(USERS.values())}


def test_every_rule_has_a_user_or_is_the_same() -> None:
    """Rules without a configuration here are checked by the same function as the others."""
    assert {"norm", "ellipsoid", *USERS} == set(rule_row_difference.PREMISES)
    assert {rule.check for rule in rule_row_difference.RULES} == {rule_row_difference.check}


@pytest.mark.parametrize("name", USERS)
def test_bounds_cannot_be_below_the_ranges(emitter: Any, judge: Any, model: Any, certificates: Any, name: str) -> None:
    """As stated they hold; a bound of zero does not, with row and excess named; nor does an exact one less a bit."""
    configuration, exact = USERS[name]
    certificate = copy.deepcopy(certificates[configuration])
    assert judge(model, certificate).status == "VERIFIED"
    step = emitter.step(certificate, f"row_difference_{name}/1")
    bounds = step["conclusion"]["bounds"]
    entries = bounds[3]
    bounds[3] = ["0x0"] * len(entries)
    verdict = judge(model, certificate)
    assert (verdict.exit_code, verdict.code) == (1, "E217")
    assert f"derivation {step['id']} (row_difference_{name}/1): row 0 of the term exceeds" in verdict.line
    if exact:
        bounds[3] = [*entries[:-1], hex(int(entries[-1], 16) - 1)]
        verdict = judge(model, certificate)
        assert verdict.code == "E217" and f"exceeds the claimed bound by 2^{bounds[2]} " in verdict.line, verdict.line
        bounds[3] = [hex(int(entry, 16) >> 1) for entry in entries]
        assert judge(model, certificate).code == "E217"


def test_larger_bounds_are_implied(emitter: Any, judge: Any, model: Any, certificates: Any) -> None:
    """A bound may be weaker than the range; what rests on it must then say so."""
    certificate = copy.deepcopy(certificates["md/mean/mmd"])
    step = emitter.step(certificate, "row_difference_exact/1")
    step["conclusion"]["bounds"][2] += 1
    assert judge(model, certificate).status == "VERIFIED"


def test_the_frobenius_rule_is_checked_alike(emitter: Any, judge: Any, model: Any, certificates: Any) -> None:
    """``norm`` under the name of another rule: the same numbers pass and fail."""
    certificate = copy.deepcopy(certificates["exact/mean/mdx"])
    step = emitter.step(certificate, "row_difference_exact/1")
    step["rule"] = "row_difference_norm/1"
    assert judge(model, certificate).status == "VERIFIED"
    step["conclusion"]["bounds"][3][0] = "0x0"
    assert judge(model, certificate).code == "E217"


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        ([1, 1, 100, ["0x1"]], "E216"),
        ([1, 4, 100, ["0x1"] * 4], "E216"),
        ([4, 1, 1 << 20, ["0x1"] * 4], "VERIFIED"),
        ([4, 1, 10**9, ["0x1"] * 4], "E111"),
        ([4, 1, 0, ["-0x1"] * 4], "E217"),
        ([4, 1, 0, ["0x1"] * 3], "E110"),
    ],
)
def test_shapes_and_sizes_of_bounds(
    emitter: Any, judge: Any, model: Any, subcubic: Any, bounds: Any, code: str
) -> None:
    """One bound a row; far exponents are read up to a limit, and compared."""
    certificate = subcubic(model, "md/mean/EQKE")
    step = emitter.step(certificate, "row_difference_product/1")
    step["conclusion"]["bounds"] = bounds
    verdict = judge(model, certificate)
    if code == "VERIFIED":  # the bound holds, but is not the one that the split rests on
        assert verdict.code == "E216" and "the hash of the bounds" in verdict.line, verdict.line
    else:
        assert verdict.code == code, verdict.line


def test_premises_about_other_matrices_of_the_same_name(emitter: Any, judge: Any, subcubic: Any) -> None:
    """Two chains give one name to two matrices: a bound of one does not stand for the other."""
    for seed in range(20):
        model = emitter.random_model(seed, 4, 3, 3, 2, True)
        certificate = subcubic(model, "mean/mean/EQKE")
        if len([d for d in certificate["derivations"] if d["rule"] == "name_matrix/1"]) == 2:
            break
    assert judge(model, certificate).status == "VERIFIED"
    product = emitter.step(certificate, "row_difference_product/1")
    other = emitter.step(certificate, "row_difference_exact/1")["premises"]
    assert product["premises"][0] != other[0]
    product["premises"][0] = other[0]
    product["conclusion"]["bounds"][2] += 100
    verdict = judge(model, certificate)
    assert verdict.code == "E259" and "(split_along/1)" in verdict.line, verdict.line
