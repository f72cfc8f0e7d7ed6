"""Certificates of claims: true ones are verified, and whatever is false, undecided or spoiled is not."""

from __future__ import annotations

import base64
import copy
import json
import random
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from auditors import auditor_of
from claim_certificates import certificate, encoded

import mechproof.engine.checker as checker
from mechproof.engine.checker.certificate import Reader
from mechproof.engine.checker.claims.rules import by_positivity
from mechproof.engine.checker.errors import Failure

ROOT = Path(__file__).parents[4]
FOLDER = Path(checker.__file__).parent
ZOO = ROOT / "models" / "zoo"
Judge = Callable[..., Any]


@pytest.fixture(scope="module")
def model(emitter: Any) -> Any:
    return emitter.random_model(3, 4, 3, 3, 2, True)


@pytest.fixture(scope="module")
def weights(emitter: Any, model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return emitter.write(model, tmp_path_factory.mktemp("claim"))


@pytest.fixture(scope="module")
def auditor(weights: Path) -> Any:
    return auditor_of(weights)


@pytest.fixture
def verdict(weights: Path, tmp_path: Path) -> Judge:
    """verdict(certificate) of the model's weights, or of others."""

    def found(given: Any, path: Path = weights, **options: Any) -> Any:
        file = tmp_path / "claim.json"
        file.write_bytes(given if isinstance(given, bytes) else encoded(given))
        return checker.check(file, path, **options)

    return found


def text_of(given: dict[str, Any], text: str, outcome: str = "holds") -> dict[str, Any]:
    """The certificate with another text and outcome throughout."""
    given = copy.deepcopy(given)
    for place in (given["relation"], given["derivations"][-1]["conclusion"]):
        place |= {"outcome": outcome, "text": text}
    return given


def test_verdicts(auditor: Any, verdict: Judge) -> None:
    """The verdict line, the theorem in words and the JSON fields name the outcome and the text."""
    for text, outcome in (("max(EQKE) >= EQKE", "holds"), ("sigma(EQKE, 1) < sigma(EQKE, 2)", "fails")):
        found = verdict(certificate(auditor, text, outcome))
        assert found.line == f"s VERIFIED claim {outcome}: {text} sha256:{auditor.statement}"
        assert f"the following statement {outcome}:\n  {text}\n" in found.text
        fields = found.as_json()
        assert (fields["outcome"], fields["text"], fields["relation"]) == (outcome, text, f"claim {outcome}: {text}")
        assert "right_low" not in fields


@pytest.mark.parametrize("text", ["max(EQKE) >= EQKE", "1 < 0", "sqrt(2) * sqrt(2) = 2"])
def test_wrong_outcomes(auditor: Any, verdict: Judge, text: str) -> None:
    """Exactly one outcome is verified, and none where the enclosures do not decide."""
    codes = [verdict(certificate(auditor, text, outcome)).code for outcome in ("holds", "fails")]
    assert codes == {"max(EQKE) >= EQKE": [None, "E290"], "1 < 0": ["E290", None]}.get(text, ["E290"] * 2)


def test_tight_to_one_unit(auditor: Any, model: Any, verdict: Judge) -> None:
    """An entry is at most its exact value; with one unit in the last place less it is refused."""
    value = model.parts["EQKE"][1][2]
    good, bad = (f"EQKE[1, 2] <= {n} / {value.denominator}" for n in (value.numerator, value.numerator - 1))
    assert verdict(certificate(auditor, good)).status == "VERIFIED"
    assert verdict(certificate(auditor, bad)).code == "E290"
    assert verdict(certificate(auditor, bad, "fails")).status == "VERIFIED"


def test_the_claims_must_agree(auditor: Any, verdict: Judge) -> None:
    """The relation's text and outcome are those of the last conclusion."""
    base = certificate(auditor, "1 < 2")
    for key, value in (("text", "1 < 3"), ("outcome", "fails"), ("text", "1  < 2")):
        spoiled = copy.deepcopy(base)
        spoiled["relation"][key] = value
        assert verdict(spoiled).code == "E204"
    other = copy.deepcopy(base)
    other["relation"] = {"metric": "loss", "low": "0x0", "high": "0x1"}
    assert verdict(other).code == "E204"


def accuracy_steps(emitter: Any, model: Any) -> Callable[[int], list[Any]]:
    """A count by a tree that decides nothing in some cells, and the accuracy."""
    given = emitter.tree_certificate(model, frozenset({(0, 0)}))["derivations"]
    (_, _, _, tree, accuracy) = given

    def found(at: int) -> list[Any]:
        return [
            (tree["rule"], [3], tree["advice"], tree["conclusion"]),
            (accuracy["rule"], [at], {}, accuracy["conclusion"]),
        ]

    return found


def loss_steps(auditor: Any, model: Any, low: int, high: int) -> Callable[[int], list[Any]]:
    """Bounds of the loss by a tree of one leaf per cell; the conclusions as given."""
    tree = {"order": "descending-score", "tree": "U" * len(model.cells())}

    def found(at: int) -> list[Any]:
        total = {"low": hex(low * auditor.inputs), "high": hex(high * auditor.inputs)}
        return [
            ("loss_tree/1", [2], tree, {"kind": "loss_sum", **total}),
            ("loss/1", [at], {}, {"kind": "loss", "low": hex(low), "high": hex(high)}),
        ]

    return found


def test_accuracy_and_loss(emitter: Any, auditor: Any, model: Any, verdict: Judge) -> None:
    """Between the bounds of the premises: what they decide is verified, nothing else."""
    accuracy = accuracy_steps(emitter, model)
    conclusion = accuracy(4)[1][3]
    low, high = (int(conclusion[key], 16) for key in ("right_low", "right_high"))
    assert low < high
    bounds = 0, 100 << 128
    loss = loss_steps(auditor, model, *bounds)
    cases = [
        (f"accuracy >= {low}/64 and accuracy <= {high} / 4^3", None),
        (f"accuracy >= {low + 1}/64", "E290"),
        (f"accuracy <= {high - 1}/64", "E290"),
    ]
    for text, code in cases:
        given = certificate(auditor, text, given=[], rule="name_accuracy/1", measures=[accuracy])
        assert verdict(given).code == code
    for text, code in [("0 <= loss <= 100", None), ("loss <= 99.9", "E290"), ("loss >= 1e-30", "E290")]:
        given = certificate(auditor, text, given=[], rule="name_loss/1", measures=[loss])
        assert verdict(given).code == code
    text = f"loss <= 100 and accuracy < {high + 1}/64"
    given = certificate(auditor, text, given=[], rule="name_accuracy_and_loss/1", measures=[accuracy, loss])
    assert verdict(given).status == "VERIFIED"


def test_the_vocabulary_decides_what_has_a_meaning(auditor: Any, model: Any, verdict: Judge) -> None:
    """Without its premise a name is refused; without a premise about it, the loss is that of all sequences."""
    texts = {"EQKE <= 10^9": None, "correct(0, 0, 0)": "E291", "max(logits(0, 0, 0)) < 10^9": "E291", "loss > 0": None}
    for text, code in texts.items():
        assert verdict(certificate(auditor, text, given=[], rule="name_matrices/1")).code == code
    outcome = "holds" if model.right((0, 0, 0)) else "fails"
    assert verdict(certificate(auditor, "correct(0, 0, 0)", outcome)).status == "VERIFIED"
    for rule in ("name_logits/1", "name_matrices/1"):
        assert verdict(certificate(auditor, "accuracy > 0", "fails", given=[], rule=rule)).code == "E291"
    given = certificate(auditor, "loss > 0")
    given["derivations"][-2]["rule"] = "name_loss/1"
    assert verdict(given).code == "E211"


def test_directions(auditor: Any, verdict: Judge) -> None:
    """Missing, superfluous, of another size, far from orthonormal, or too poor: refused, never accepted."""
    text = "sigma(EQKE, 1) > sigma(EQKE, 2) and spectral_norm(W_pos) > 0"
    good = certificate(auditor, text)
    assert verdict(good).status == "VERIFIED"
    spectra = good["derivations"][-1]["advice"]["spectra"]
    axes = base64.b64encode(bytes([64, 0, 0, 0, 0, 64, 0, 0, 0, 0, 64, 0, 0, 0, 0, 64])).decode()
    zeros = base64.b64encode(bytes(16 * 24)).decode()
    cases = [
        ([], "E294"),
        (spectra[:1], "E294"),
        ([*spectra, spectra[0]], "E294"),
        ([spectra[1], spectra[0]], "E295"),
        ([[4, 23, spectra[0][2]], spectra[1]], "E295"),
        ([[5, *spectra[0][1:]], spectra[1]], "E295"),
        ([[-1, *spectra[0][1:]], spectra[1]], "E295"),
        ([[4, 24, zeros], spectra[1]], "E296"),
        ([[4, 1, axes], spectra[1]], "E290"),
        ([[1, *spectra[0][1:]], spectra[1]], "E297"),
    ]
    for given, code in cases:
        spoiled = copy.deepcopy(good)
        spoiled["derivations"][-1]["advice"]["spectra"] = given
        for outcome in ("holds", "fails"):
            assert verdict(text_of(spoiled, text, outcome)).code == code
    spoiled = copy.deepcopy(good)
    spoiled["derivations"][-1]["advice"]["spectra"][0][0] = 2
    assert verdict(text_of(spoiled, f"{text} and sigma(EQKE, 3) = 0")).status == "VERIFIED"


def test_directions_do_not_depend_on_variables(auditor: Any, verdict: Judge) -> None:
    """A variable in what singular values are of is refused, with whatever directions."""
    spectra = certificate(auditor, "sigma(EQKE, 1) > 0")["derivations"][-1]["advice"]["spectra"]
    for body in ("sigma(EQKE + q, 1) >= 0", "spectral_norm(q * EQKE) >= 0", "rank1(EQKE * (q + 1)) = 0"):
        assert verdict(certificate(auditor, f"for all q: {body}", given=spectra)).code == "E292"


def test_damaged_directions_prove_nothing_false(auditor: Any, verdict: Judge) -> None:
    """Random changes of the directions verify at most what is true."""
    rng = random.Random(0)
    text = "sigma(EQKE, 1) >= 2 * sigma(EQKE, 2)"
    good = certificate(auditor, text)
    (outcome,) = [o for o in ("holds", "fails") if verdict(text_of(good, text, o)).status == "VERIFIED"]
    other = "fails" if outcome == "holds" else "holds"
    _, width, data = good["derivations"][-1]["advice"]["spectra"][0]
    for _ in range(60):
        changed = bytearray(base64.b64decode(data))
        for _ in range(rng.choice([1, 1, 4, 30])):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        good["derivations"][-1]["advice"]["spectra"] = [[rng.randint(0, 5), width, base64.b64encode(changed).decode()]]
        assert verdict(text_of(good, text, other)).exit_code == 1


BAD_ADVICE = [
    ({"bits": 31}, "E111"),
    ({"bits": 4097}, "E111"),
    ({"bits": "0x80"}, "E110"),
    ({"spectra": [[1, 0, ""]]}, "E111"),
    ({"spectra": [[1, 513, ""]]}, "E111"),
    ({"spectra": [[1, 1, "A"]]}, "E110"),
    ({"spectra": [[1, 1, "AB=="]]}, "E110"),
    ({"spectra": [[1, 1]]}, "E110"),
    ({"spectra": {}}, "E110"),
]


@pytest.mark.parametrize(("advice", "code"), BAD_ADVICE)
def test_malformed_advice(auditor: Any, verdict: Judge, advice: Any, code: str) -> None:
    """The precision is 32 to 4096, a width 1 to 512, and bytes stand in canonical base64."""
    given = certificate(auditor, "1 < 2")
    given["derivations"][-1]["advice"] |= advice
    found = verdict(given)
    assert (found.code, found.exit_code) == (code, 2)


@pytest.mark.parametrize("bits", [32, 4096])
def test_extreme_precisions(auditor: Any, verdict: Judge, bits: int) -> None:
    """Both ends of the range work."""
    text = "1.41421356 < sqrt(2) < 1.41421357 and sigma(EQKE, 1) > 0 and max(logits(0, 1, 2)) > -10^6"
    assert verdict(certificate(auditor, text, bits=bits)).status == "VERIFIED"


def test_texts(auditor: Any, verdict: Judge) -> None:
    """1 to 4096 printable characters: longer, empty or other texts are malformed before anything is computed."""
    base = certificate(auditor, "1 < 2")
    assert verdict(text_of(base, "1 < 2" + " " * 4091)).status == "VERIFIED"
    for text in ("", "1 < 2" + " " * 4092, "1 < 2\t", 'a"b', "a\\b", "1 ≈ 2"):
        found = verdict(text_of(base, text))
        assert (found.code, found.exit_code) == ("E114", 2)
    for outcome in ("undecided", "", "holdsx"):
        assert verdict(text_of(base, "1 < 2", outcome)).code == "E110"


@pytest.mark.parametrize("item", ["(", "-", "[", "not ", "1+", "for all q: ", "1 = 1 and "])
def test_endless_texts(auditor: Any, verdict: Judge, item: str) -> None:
    """Some 4000 characters of one thing are malformed, at once."""
    found = verdict(text_of(certificate(auditor, "1 < 2"), (item * 4096)[:4093]))
    assert (found.code in ("E115", "E116"), found.exit_code) == (True, 2)


EXPENSIVE = [
    "2^9999^9999 = 1",
    "(2^9999 + 1)^9999 = 1",
    "((2^9999 + 1)^9999)^9999 = 1",
    "((sqrt(2)^9999)^9999)^9999 = 1",
    " + ".join(["(1/3)^9999"] * 300) + " = 1",
    " + ".join(f"({n} / {n + 2})^9999" for n in range(3, 300, 2)) + " = 1",
    " + ".join(f"1/{10**58 + n}" for n in range(1, 120, 2)) + " = 1",
    "for all a, b, c, d, e, f, g, h, i, j: 1 = 1",
    "for all a, b, c, d, e, f, g, h, i: a < 0 and logits(a, b, c) = 1",
    "for all a in 1..10^60, a < 0: 1 = 1",
    "for all a in 1..10^60: 1 = 1",
    "sqrt(10^400^1 * 10^400) = 10^400 and (EQKE @ EQKE)^9999 = 1",
    "(0 * EQKE @ EQKE @ EQKE @ EQKE @ EQKE @ EQKE @ EQKE)[0, 0]^9999 = 1",
]


@pytest.mark.parametrize("text", EXPENSIVE)
def test_expensive_texts(auditor: Any, verdict: Judge, text: str) -> None:
    """What would take long, or much memory, ends with a code."""
    found = verdict(certificate(auditor, text, given=[]), budget=3 * 10**6)
    assert found.code in ("E115", "E242", "E243", "E252", "E290", "E299"), found.line


def test_noise(auditor: Any, verdict: Judge) -> None:
    """Random changes of valid texts, and of the certificate's bytes, give verdicts, never an exception."""
    rng = random.Random(1)
    texts = [
        "row_difference(EQKE - EQKE_mean) ~= 1.85 and W_E[0:2, 1:].T in [0.9, sqrt(2)]",
        "for all q <= m, p in positions: EVOU[m, m] >= EVOU[m, q] / d_head and not correct(q, m, p)",
        "is_increasing(logits(0, 1, 2)[1:3]) and abs(max(PVOU) - 0x1.8p-3)^2 <= frobenius(-W_K @ W_Q.T)",
    ]
    alphabet = "".join(chr(c) for c in range(32, 127) if chr(c) not in '"\\')
    base = certificate(auditor, "1 < 2", given=[])
    seen = set()
    for _ in range(600):
        text = rng.choice(texts)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(text))
            text = (
                text[:at]
                + rng.choice([rng.choice(alphabet), rng.choice(texts)[at : at + 9], ""])
                + text[at + rng.randint(0, 2) :]
            )
        seen.add(verdict(text_of(base, text, rng.choice(["holds", "fails"])), budget=10**7).status)
    data = bytearray(encoded(certificate(auditor, "sigma(EQKE, 1) < 1000")))
    for _ in range(300):
        spoiled = bytearray(data)
        at = rng.randrange(len(spoiled))
        spoiled[at : at + rng.randint(0, 2)] = rng.randbytes(rng.randint(0, 2))
        found = verdict(bytes(spoiled))
        assert found.exit_code == 0 or found.line.startswith("s ")
        seen.add(found.status)
    assert seen == {"VERIFIED", "REFUSED", "MALFORMED"}


POSITIVITY = {
    "loss = 0": False,
    "loss <= 0": False,
    "loss < -1e-3": False,
    "loss >= 0.0": True,
    "loss > -0x1p-3": True,
    "loss != 0 %": True,
    "0 < loss": True,
    "-1 >= loss": False,
    "(0) != loss": True,
    "0 = loss": False,
    "loss > 1e-9": None,
    "loss > 1": None,
    "1 > loss": None,
    "loss ~= 0": None,
    "0 <= loss <= 0": None,
    "loss + 0 > 0": None,
    "accuracy >= 0": None,
    "0 <= 0": None,
    "loss <= loss": None,
    "loss <= 0 - 1": None,
    "not loss <= 0": None,
    "for all q: loss > 0": None,
    "-accuracy < loss": None,
}


def positivity(auditor: Any, text: str, outcome: str, outputs: int) -> dict[str, Any]:
    """The certificate by positivity."""
    claim = {"outcome": outcome, "text": text}
    positive = {"kind": "positive_loss", "outputs": outputs}
    steps = [
        {"id": 0, "rule": "positive_loss/1", "premises": [], "advice": {}, "conclusion": positive},
        {
            "id": 1,
            "rule": "decide_by_positivity/1",
            "premises": [0],
            "advice": {},
            "conclusion": {"kind": "claim", **claim},
        },
    ]
    header = {"schema": "mechproof-certificate/2", "relation": {"metric": "claim", **claim}}
    return header | {"statement": auditor.statement, "derivations": steps}


@pytest.mark.parametrize("text", POSITIVITY)
def test_positivity(auditor: Any, verdict: Judge, text: str) -> None:
    """A positive loss decides comparisons with numbers up to 0, and nothing else."""
    truth = POSITIVITY[text]
    assert by_positivity(text) is truth
    for outcome in ("holds", "fails"):
        found = verdict(positivity(auditor, text, outcome, 4))
        assert (found.status == "VERIFIED") == ({True: "holds", False: "fails"}.get(truth) == outcome), found.line
        assert found.code in (None, "E290")


def test_positivity_needs_two_outputs(emitter: Any, auditor: Any, verdict: Judge, tmp_path: Path) -> None:
    """Of the auditor's own network: with one output the loss is 0."""
    for outputs in (0, 1, 3, 5):
        assert verdict(positivity(auditor, "loss > 0", "holds", outputs)).code == "E216"
    path = emitter.write(emitter.random_model(0, 1, 2, 2, 2, False), tmp_path)
    single = auditor_of(path)
    assert verdict(positivity(single, "loss > 0", "holds", 1), path).code == "E216"
    assert verdict(certificate(single, "loss > 0", "holds"), path).code == "E290"
    assert verdict(positivity(single, "1 = 2 1", "holds", 1), path).code == "E216"


def test_reading(auditor: Any) -> None:
    """Bytes in base64 come in one spelling."""
    assert Reader(b'"AAH/"').octets() == bytes([0, 1, 255])
    for token in (b'"AB=="', b'"A"', b'"AA=="x'[:3]):
        with pytest.raises(Failure):
            Reader(token).octets()


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("sigma(EQKE, 1) / sigma(EQKE, 2) >= 250", "holds"),
        ("row_difference(EQKE - rank1(EQKE)) <= 1.9", "holds"),
        ("for all m in 7..63, x != m: EVOU[m, m] > EVOU[m, x]", "holds"),
        ("for all q <= m: EVOU[m, m] >= EVOU[m, q]", "fails"),
        ("correct(3, 17, 5, 6)", "holds"),
    ],
)
def test_a_trained_network(verdict: Judge, text: str, outcome: str) -> None:
    """Statements as papers make them, about a network with V = 64 and K = 4."""
    path = ZOO / "max_of_4_v64_d32_seed50.safetensors"
    assert verdict(certificate(auditor_of(path), text, outcome), path).line.startswith(f"s VERIFIED claim {outcome}: ")


def test_alone(auditor: Any, weights: Path, tmp_path: Path) -> None:
    """The folder by itself, in an isolated Python, verifies claims."""
    file = tmp_path / "claim.json"
    file.write_bytes(encoded(certificate(auditor, "sigma(EQKE, 1) >= sigma(EQKE, 2)")))
    line = [sys.executable, "-I", "-S", str(FOLDER), str(file), "--weights", str(weights), "--json"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["outcome"], found["text"]) == ("holds", "sigma(EQKE, 1) >= sigma(EQKE, 2)")


def test_fractions_are_exact(auditor: Any, verdict: Judge) -> None:
    """Ties of rational expressions are decided."""
    third = Fraction(1, 3)
    assert verdict(certificate(auditor, f"1/3 = {third} and mean(W_E[0:1]) * 3 = sum(W_E[0])")).status == "VERIFIED"
