"""The claim files that ship as examples: every claim gets the verdict it is said to get."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from shares import shared_out

from mechproof.claims.facts import FACTS
from mechproof.claims.functions import FUNCTIONS
from mechproof.claims.run import read, run
from mechproof.claims.vocabulary import NAMES

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples" / "claims"
FILES = sorted(path.name for path in EXAMPLES.glob("*.toml"))
# Where a published list of claims is the source: its entries are all there.
PUBLISHED = {
    "max_of_2_coq.toml": "max_of_2_coq",
    "max_of_4_seed123.toml": "max_of_4_seed123",
    "unsound_averaging.toml": "unsound_averaging",
    "induction_gbmi.toml": "induction_gbmi",
}
UNDECIDED = {
    "induction_gbmi.toml": {
        "l22-accuracy-bound", "ft0-loss-bound", "ft0-accuracy-bound", "ft0-sampled-loss", "ft0-sampled-accuracy",
    },
}  # fmt: skip


@pytest.fixture(
    scope="module",
    params=shared_out(FILES, kept=[name for name in FILES if name not in ("loss.toml", "max_of_2_coq.toml")]),
)
def report(request):
    """Each file, settled once."""
    return run(read(EXAMPLES / request.param))


def test_every_claim_gets_its_verdict(report):
    """As the file expects, and with a reason wherever something stays open."""
    assert [result.line for result in report.results if not result.as_expected] == []
    assert all(result.claim.expect for result in report.results)
    open_claims = {result.claim.id for result in report.results if result.verdict.status == "UNDECIDED"}
    assert open_claims == UNDECIDED.get(report.file.name, set())
    assert all(result.claim.reason for result in report.results if result.verdict.status == "UNDECIDED")


def test_every_verdict_says_why(report):
    """Numbers or a witness for what is settled, the reason for what is not."""
    for result in report.results:
        assert result.verdict.detail
        assert (result.verdict.goal is None) == (result.verdict.status == "UNDECIDED")


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_lists_are_complete(name):
    """Every entry of the published list appears, by its id or as the beginning of one."""
    published = json.loads((ROOT / "tests" / "data" / PUBLISHED[name] / "claims.json").read_text("utf-8"))["claims"]
    ids = {claim.id for claim in read(EXAMPLES / name).claims}
    assert {entry["id"].replace(" ", "-") for entry in published} <= ids


@pytest.mark.ci
def test_the_ladder_of_thirty_claims_is_fast():
    """Thirty claims on a K = 4 network take less than 20 seconds of one processor."""
    file = read(EXAMPLES / "eqke_noise_ladder.toml")
    claims = (*file.claims, *read(EXAMPLES / "mechanism.toml").claims)[:30]
    start = time.process_time()
    assert len(run(type(file)("thirty", claims)).results) == 30
    assert time.process_time() - start < 20


def test_the_page_lists_the_whole_vocabulary():
    """docs/claims.md names every function, predicate and quantity."""
    page = (ROOT / "docs" / "claims.md").read_text("utf-8")
    for name in [*FUNCTIONS, *FACTS, *NAMES]:
        assert f"`{name}" in page, name
    for name, function in {**FUNCTIONS, **FACTS}.items():
        assert function.meaning in page, name
