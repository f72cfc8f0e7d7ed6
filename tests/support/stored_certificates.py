"""Certificates that were proved once and are committed with their hashes (scripts/record_certificates.py)."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "data" / "certificates"
MANIFEST: dict[str, dict[str, Any]] = json.loads((FOLDER / "manifest.json").read_text("utf-8"))


def stored(name: str) -> tuple[Path, bytes]:
    """The weights and the certificate of an entry."""
    certificate = (FOLDER / f"{name}.json").read_bytes()
    assert sha256(certificate).hexdigest() == MANIFEST[name]["sha256"], f"run scripts/record_certificates.py: {name}"
    return ROOT / MANIFEST[name]["weights"], certificate
