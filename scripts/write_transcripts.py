"""The golden transcripts of the tests, written again: read what changed before you commit it.

python scripts/write_transcripts.py
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from golden_transcripts import FOLDER, NAMES, kept, path


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for stale in set(FOLDER.glob("*.md")) - set(map(path, NAMES)):
        stale.unlink()
    for name in NAMES:
        path(name).write_text(kept(name), encoding="utf-8")


if __name__ == "__main__":
    main()
