"""pytest --mechproof claims.toml: every claim of the file is a test.

A test passes when the claim gets the verdict it should: PROVED, or what the file's ``expect`` says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


class ClaimFailed(Exception):
    """A claim got another verdict than it should; its text is the whole report."""


class ClaimItem(pytest.Item):
    """One claim; ``sessions`` is shared by the claims of a run, so that each network is read once."""

    def __init__(self, *, file: Any, claim: Any, sessions: dict[Any, Any], **keywords: Any) -> None:
        super().__init__(**keywords)
        self.file, self.claim, self.sessions = file, claim, sessions

    def runtest(self) -> None:
        from .context import Budget
        from .run import settle

        result = settle(self.claim, self.sessions, Budget())
        if not result.as_expected:
            raise ClaimFailed(f"expected {self.claim.expect or 'PROVED'}: {result.line}\n{self.claim.source}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, ClaimFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"claim {self.claim.id}"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mechproof", "claims about weights")
    group.addoption(
        "--mechproof", action="append", default=[], metavar="FILE", help="check the claims in this TOML or LaTeX file"
    )


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the claims of the files that were asked for."""
    for name in config.getoption("--mechproof") or ():
        from ..engine.errors import MechproofError, describe
        from .run import read

        try:
            file = read(Path(name))
        except MechproofError as error:
            raise pytest.UsageError(f"mechproof: {describe(error)}") from None
        for warning in file.warnings:
            config.issue_config_time_warning(pytest.PytestWarning(f"mechproof: {warning}"), stacklevel=2)
        sessions: dict[Any, Any] = {}
        items += [
            ClaimItem.from_parent(session, name=f"{file.name}::{claim.id}", file=file, claim=claim, sessions=sessions)
            for claim in file.claims
        ]
