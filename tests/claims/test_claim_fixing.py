"""--fix, tables, printed values and the CI example: what is written is true, and the user's file stays as it is."""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from mechproof.claims.files import BadClaimFile, read_toml
from mechproof.claims.fixing import write_fixed
from mechproof.claims.latex import as_printed
from mechproof.claims.run import read, run
from mechproof.claims.syntax import parse
from mechproof.claims.tree import Approx

HEAD = "model = 'zoo:max_of_2_v64_d32_seed123'  # the network\n\n"
CLAIMS = [
    ("spectral_norm(W_E) ≈ 7.11", r"spectral_norm(W_E) ≈ 5.84"),
    ("frobenius(W_E) <= 1.0", "frobenius(W_E) <= 12.6"),
    ("-0.5 < min(EVOU)", "-30.3 < min(EVOU)"),
    ("max(W_U) > 99 %", "max(W_U) > 88 %"),
    ("accuracy = 1/2", None),
    ("loss >= 0", "loss >= 0"),
]


def written(folder: Path) -> Path:
    claims = "".join(f"[[claim]]\nid = 'c{n}'  # mine\nstatement = '{text}'\n" for n, (text, _) in enumerate(CLAIMS))
    (folder / "claims.toml").write_text(HEAD + claims, "utf-8")
    return folder / "claims.toml"


def test_refuted_numbers_are_rewritten_beside_the_file(tmp_path):
    """Rounded safely to the digits that were claimed, comments and all else kept; every rewritten claim is proved."""
    path = written(tmp_path)
    before = path.read_bytes()
    target, done, left = write_fixed(path, run(read(path)))
    assert path.read_bytes() == before and target is not None and target.name == "claims.fixed.toml"
    assert [fix.after for fix in done] == [after for _, after in CLAIMS[:4]] and left == ["c4"]
    expected = before.decode("utf-8")
    for fix in done:
        expected = expected.replace(fix.before, fix.after)
    assert target.read_text("utf-8") == expected
    statuses = [result.verdict.status for result in run(read(target)).results]
    assert statuses == ["PROVED"] * 4 + ["REFUTED", "PROVED"]


def test_no_file_is_replaced(tmp_path):
    """A file that has the name already stays, and the command says so."""
    path = written(tmp_path)
    (tmp_path / "claims.fixed.toml").write_text("mine")
    with pytest.raises(BadClaimFile, match=r"claims\.fixed\.toml"):
        write_fixed(path, run(read(path).only(["c5"])))
    assert (tmp_path / "claims.fixed.toml").read_text() == "mine"


def test_numbers_of_a_paper_are_rewritten_where_they_are_printed(tmp_path):
    """In the last argument of the macro, its unit kept."""
    (tmp_path / "paper.tex").write_text(
        r"\mechproofmodel{zoo:max_of_2_v64_d32_seed123}\mechnumber{a}{max(W_U)}{99\,\%} of $7$; "
        r"\mechclaim{b}{frobenius(W_E) <= 1}{at most 1}"
    )
    path = tmp_path / "paper.tex"
    target, done, left = write_fixed(path, run(read(path)))
    assert target is not None and r"{max(W_U)}{88\,\%} of $7$; \mechclaim{b}{frobenius(W_E) <= 1}" in target.read_text()
    assert [fix.id for fix in done] == ["a"] and left == ["b"]


@pytest.mark.parametrize(
    ("printed", "number", "low", "high", "expected"),
    [
        (r"98.4\,\%", "98.4%", "0.9851", "0.9852", r"98.5\,\%"),
        (r"$1.76 \times 10^{-7}$", "1.76e-7", "2.113e-7", "2.114e-7", r"$2.11 \times 10^{-7}$"),
        ("-0.50", "-0.50", "-0.123", "-0.1229", "-0.12"),
        ("0.50", "0.50", "0.1", "0.2", None),
        ("about half", "0.50", "0.1", "0.1", None),
    ],
)
def test_values_keep_unit_power_and_digits(printed, number, low, high, expected):
    """As the paper prints them, or not at all."""
    statement = parse(f"x ≈ {number}")
    assert isinstance(statement, Approx)
    assert as_printed(printed, statement.target, Fraction(low), Fraction(high)) == expected


def test_every_cell_of_a_table_is_a_claim(tmp_path):
    """Rows and columns are put into its statement; an empty cell claims nothing."""
    (tmp_path / "t.toml").write_text(
        HEAD + "[[table]]\nid = 'n'\nstatement = '{column}({row}) ≈ {cell}'\nrows = ['W_E', 'W_Q']\n"
        "columns = ['frobenius', 'spectral_norm']\ncells = [['12.6', '5.84'], ['7.77', '']]\n"
    )
    results = run(read_toml(tmp_path / "t.toml")).results
    assert [(r.claim.id, r.claim.source, r.verdict.status) for r in results] == [
        ("n-1-1", "frobenius(W_E) ≈ 12.6", "PROVED"),
        ("n-1-2", "spectral_norm(W_E) ≈ 5.84", "PROVED"),
        ("n-2-1", "frobenius(W_Q) ≈ 7.77", "REFUTED"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "table = 3\n",
        "[[table]]\nrows = []\n",
        "[[table]]\nid = 'n'\nstatement = 'x'\nrows = ['a']\ncolumns = ['b']\ncells = [['1', '2']]\n",
        "[[table]]\nid = 'n'\nrows = ['a']\ncolumns = ['b']\ncells = [['1']]\n",
    ],
)
def test_a_malformed_table_is_one_sentence(tmp_path, text):
    """What was expected of it."""
    (tmp_path / "t.toml").write_text(("" if text.startswith("table") else HEAD) + text)
    with pytest.raises(BadClaimFile, match="table"):
        read_toml(tmp_path / "t.toml")


def test_the_workflow_fails_when_the_weights_change(tmp_path):
    """Its own command, on weights that are those of the hash and then are not."""
    workflow = Path(__file__).parents[2] / "docs" / "examples" / "ci" / "claims.yml"
    commands = re.findall(r"- run: (.*)", workflow.read_text("utf-8"))
    check = next(command for command in commands if command.startswith("sha256sum --check"))
    (tmp_path / "weights.npz").write_bytes(b"weights")
    with open(tmp_path / "weights.sha256", "wb") as target:
        subprocess.run(["sha256sum", "weights.npz"], cwd=tmp_path, stdout=target, check=True)
    assert subprocess.run(check.split(), cwd=tmp_path, capture_output=True).returncode == 0
    (tmp_path / "weights.npz").write_bytes(b"others")
    assert subprocess.run(check.split(), cwd=tmp_path, capture_output=True).returncode == 1
    assert any(command.startswith("mechproof claims") for command in commands)
