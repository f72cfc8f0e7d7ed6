"""frequency_share: exact waves, shares against numpy's Fourier transform, and what means nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mechproof.claims.files import read_toml
from mechproof.claims.run import run


def verdicts(folder: Path, rows: np.ndarray, statements: list[str]) -> list[str]:
    """STATUS and detail of each statement about the tensor ``A``."""
    np.savez(folder / "a.npz", A=rows)
    claims = "".join(f'[[claim]]\nid = "c{n}"\nstatement = "{text}"\n' for n, text in enumerate(statements))
    (folder / "claims.toml").write_text(f'model = "a.npz"\n{claims}', "utf-8")
    return [result.line for result in run(read_toml(folder / "claims.toml")).results]


@pytest.mark.parametrize("rows", [7, 8])
def test_shares_are_those_of_the_transform(tmp_path, rows):
    """Each frequency alone and all together, for an even and an odd number of rows."""
    table = np.random.default_rng(rows).integers(-8, 9, (rows, 3)).astype(np.float32)
    energy = (np.abs(np.fft.fft(table, axis=0)) ** 2).sum(axis=1)
    shares = [(energy[f] + energy[-f]) / (1 + (2 * f == rows)) / energy[1:].sum() for f in range(1, rows // 2 + 1)]
    names = [f"frequency_share(A, {f})" for f in range(1, rows // 2 + 1)]
    lines = verdicts(tmp_path, table, [f"{name} ≈ {share:.6f}" for name, share in zip(names, shares, strict=True)])
    assert all(line.startswith("PROVED") for line in lines), lines
    every = ", ".join(map(str, range(1, rows // 2 + 1)))
    stated = [f"abs(frequency_share(A, {every}) - 1) < 1e-20", f"{names[0]} > {shares[0] + 1e-6}"]
    whole = verdicts(tmp_path, table, stated)
    assert [line.split()[0] for line in whole] == ["PROVED", "REFUTED"]
    assert all("no certificate" in line for line in lines)


def test_what_means_nothing(tmp_path):
    """Frequencies that there are not, the same twice, none, and a table that does not vary."""
    table = np.arange(12, dtype=np.float32).reshape(6, 2)
    calls = ("A, 4", "A, 0", "A, 1, 1", "A", "0 * A, 1", "A, 1.5")
    lines = verdicts(tmp_path, table, [f"frequency_share({arguments}) > 0" for arguments in calls])
    assert all(line.startswith("ERROR") for line in lines), lines
    assert "whole numbers from 1 to 3, found 4" in lines[0] and "different frequencies" in lines[2]
    assert "all rows are the same" in lines[4]
