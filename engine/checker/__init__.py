"""The independent checker: Python's standard library only, and nothing of the rest of mechproof.

``check(certificate, weights)`` gives a :class:`Verdict`. The folder also runs by itself, wherever it is copied:
``python -I -S checker CERTIFICATE --weights FILE``. It shares no code with the prover and uses no floats; what must
be trusted is this folder, Python's integers, and sha256.

Reading order: verdict (the whole), certificate, relations and proof (the text and the chain of derivations), networks
(what it is about: layers, tasks, their hash, and every input evaluated), rule and rules (what may be concluded of
anything). On this kernel, known to it by registry alone, stand folders that can each be read by itself: one_layer,
boxes, quotient and induction (sets of inputs tested at once), claims, floats.
"""

from .verdict import Verdict, check

__all__ = ["Verdict", "check"]
