"""Induction with fillers that may repeat; see :mod:`.induction`."""

from __future__ import annotations

from .induction import Induction

TASK = Induction("induction-once", "once")
