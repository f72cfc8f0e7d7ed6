"""The independent checker: Python's standard library only, and nothing of the rest of mechproof.

``check(certificate, weights)`` gives a :class:`Verdict`. The folder also runs by itself, wherever it is copied:
``python -I -S checker CERTIFICATE --weights FILE``. It shares no code with the prover and uses no floats; what must
be trusted is this folder, Python's integers, and sha256.

Reading order: verdict (the whole), certificate, relations and proof (the text and the chain of derivations), networks
(what it is about: layers, tasks, their hash, and every input evaluated), one_layer, paths, exponential and margins
(networks that have path matrices), sums, walk and cells (sets of inputs), rules and rule_* (what may be concluded), and
registry, which alone knows the folders on top: claims, floats, boxes.
"""

from .verdict import Verdict, check

__all__ = ["Verdict", "check"]
