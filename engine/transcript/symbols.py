"""The signs a formula may use: LaTeX name, Unicode character, TeX class.

One table serves reader and writers, so "supported" has a single meaning: every sign here exists in
``amsmath`` + ``amssymb``, in MathJax as GitHub configures it, and as a MathML character.  Classes
are TeX's (The TeXbook, chapter 17); the spacing between neighbours follows from them.
"""

from __future__ import annotations

ORD, OP, BIN, REL, OPEN, CLOSE, PUNCT = "ord", "op", "bin", "rel", "open", "close", "punct"

GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "epsilon": "ϵ",
    "varepsilon": "ε",
    "zeta": "ζ",
    "eta": "η",
    "theta": "θ",
    "iota": "ι",
    "kappa": "κ",
    "lambda": "λ",
    "mu": "μ",
    "nu": "ν",
    "xi": "ξ",
    "pi": "π",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "upsilon": "υ",
    "phi": "ϕ",
    "varphi": "φ",
    "chi": "χ",
    "psi": "ψ",
    "omega": "ω",
    "ell": "ℓ",
}

UPRIGHT = {
    "Gamma": "Γ",
    "Delta": "Δ",
    "Theta": "Θ",
    "Lambda": "Λ",
    "Xi": "Ξ",
    "Pi": "Π",
    "Sigma": "Σ",
    "Phi": "Φ",
    "Psi": "Ψ",
    "Omega": "Ω",
    "infty": "∞",
    "emptyset": "∅",
    "varnothing": "∅",
    "top": "⊤",
    "bot": "⊥",
    "partial": "∂",
    "nabla": "∇",
    "forall": "∀",
    "exists": "∃",
    "neg": "¬",
    "lnot": "¬",
    "dagger": "†",
    "prime": "′",
    "dots": "…",
    "ldots": "…",
    "cdots": "⋯",
    "vdots": "⋮",
    "ddots": "⋱",
    "square": "□",
    "#": "#",
}

BINARY = {
    "cdot": "·",
    "times": "×",
    "pm": "±",
    "mp": "∓",
    "div": "÷",
    "circ": "∘",
    "odot": "⊙",
    "otimes": "⊗",
    "oplus": "⊕",
    "cup": "∪",
    "cap": "∩",
    "setminus": "∖",
    "wedge": "∧",
    "land": "∧",
    "vee": "∨",
    "lor": "∨",
    "ast": "∗",
    "star": "⋆",
    "bmod": "mod",
    "sqcup": "⊔",
}

RELATIONS = {
    "le": "≤",
    "leq": "≤",
    "ge": "≥",
    "geq": "≥",
    "ne": "≠",
    "neq": "≠",
    "ll": "≪",
    "gg": "≫",
    "leqslant": "⩽",
    "geqslant": "⩾",
    "prec": "≺",
    "preceq": "⪯",
    "succ": "≻",
    "succeq": "⪰",
    "equiv": "≡",
    "approx": "≈",
    "sim": "∼",
    "simeq": "≃",
    "cong": "≅",
    "propto": "∝",
    "triangleq": "≜",
    "in": "∈",
    "notin": "∉",
    "ni": "∋",
    "subset": "⊂",
    "subseteq": "⊆",
    "supset": "⊃",
    "supseteq": "⊇",
    "mid": "∣",
    "parallel": "∥",
    "perp": "⊥",
    "models": "⊨",
    "vdash": "⊢",
    "colon": ":",
    "to": "→",
    "rightarrow": "→",
    "leftarrow": "←",
    "gets": "←",
    "mapsto": "↦",
    "longrightarrow": "⟶",
    "longmapsto": "⟼",
    "hookrightarrow": "↪",
    "Rightarrow": "⇒",
    "Leftarrow": "⇐",
    "Leftrightarrow": "⇔",
    "leftrightarrow": "↔",
    "Longrightarrow": "⟹",
    "Longleftarrow": "⟸",
    "Longleftrightarrow": "⟺",
    "implies": "⟹",
    "iff": "⟺",
    "uparrow": "↑",
    "downarrow": "↓",
}

BIG = {
    "sum": "∑",
    "prod": "∏",
    "bigcup": "⋃",
    "bigcap": "⋂",
    "bigwedge": "⋀",
    "bigvee": "⋁",
    "bigoplus": "⨁",
    "bigotimes": "⨂",
    "int": "∫",
}

FUNCTIONS = {"exp", "log", "ln", "arg", "dim", "ker", "deg", "sin", "cos", "tan", "tanh"}
LIMIT_FUNCTIONS = {"max", "min", "sup", "inf", "lim", "det", "gcd", "Pr", "limsup", "liminf"}

OPENING = {
    "lfloor": "⌊",
    "lceil": "⌈",
    "langle": "⟨",
    "lbrace": "{",
    "{": "{",
    "lbrack": "[",
    "lvert": "|",
    "lVert": "‖",
}
CLOSING = {
    "rfloor": "⌋",
    "rceil": "⌉",
    "rangle": "⟩",
    "rbrace": "}",
    "}": "}",
    "rbrack": "]",
    "rvert": "|",
    "rVert": "‖",
}
BARS = {"vert": "|", "Vert": "‖", "|": "‖"}

CHARACTERS = {
    "+": ("+", BIN),
    "-": ("−", BIN),
    "*": ("∗", BIN),
    "/": ("/", ORD),
    "=": ("=", REL),
    "<": ("<", REL),
    ">": (">", REL),
    ":": (":", REL),
    ",": (",", PUNCT),
    ";": (";", PUNCT),
    ".": (".", ORD),
    "!": ("!", CLOSE),
    "?": ("?", CLOSE),
    "(": ("(", OPEN),
    ")": (")", CLOSE),
    "[": ("[", OPEN),
    "]": ("]", CLOSE),
    "|": ("|", ORD),
}

SPACES = {
    ",": "0.167em",
    "thinspace": "0.167em",
    ":": "0.222em",
    ";": "0.278em",
    "!": "-0.167em",
    " ": "0.25em",
    "quad": "1em",
    "qquad": "2em",
}

ACCENTS = {
    "bar": "¯",
    "hat": "^",
    "tilde": "~",
    "vec": "→",
    "dot": "˙",
    "overline": "‾",
    "widehat": "^",
    "widetilde": "~",
}
STRETCHING = {"overline", "widehat", "widetilde"}
BRACES = {"underbrace": ("munder", "⏟"), "overbrace": ("mover", "⏞"), "underline": ("munder", "_")}

SIZES = {
    name + side: (size, kind)
    for name, size in (("big", "1.2em"), ("Big", "1.8em"), ("bigg", "2.4em"), ("Bigg", "3em"))
    for side, kind in (("", ORD), ("l", OPEN), ("r", CLOSE))
}

MATRICES = {
    "matrix": ("", ""),
    "pmatrix": ("(", ")"),
    "bmatrix": ("[", "]"),
    "Bmatrix": ("{", "}"),
    "vmatrix": ("|", "|"),
    "Vmatrix": ("‖", "‖"),
    "smallmatrix": ("", ""),
    "cases": ("{", ""),
    "aligned": ("", ""),
    "gathered": ("", ""),
    "array": ("", ""),
}

SIGNS: dict[str, tuple[str, str]] = {
    **{name: (sign, ORD) for name, sign in (GREEK | UPRIGHT).items()},
    **{name: (sign, BIN) for name, sign in BINARY.items()},
    **{name: (sign, REL) for name, sign in RELATIONS.items()},
    **{name: (sign, OPEN) for name, sign in OPENING.items()},
    **{name: (sign, CLOSE) for name, sign in CLOSING.items()},
    **{name: (sign, ORD) for name, sign in BARS.items()},
}
"""Every sign that stands for itself, by name without the backslash."""

ALPHABETS = {
    "mathbf": (0x1D400, 0x1D41A, 0x1D7CE),
    "mathsf": (0x1D5A0, 0x1D5BA, 0x1D7E2),
    "mathtt": (0x1D670, 0x1D68A, 0x1D7F6),
}
"""First capital, first small letter and zero of the alphabets that have all three (Unicode, Mathematical
Alphanumeric Symbols)."""

SCRIPT = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "𝒜ℬ𝒞𝒟ℰℱ𝒢ℋℐ𝒥𝒦ℒℳ𝒩𝒪𝒫𝒬ℛ𝒮𝒯𝒰𝒱𝒲𝒳𝒴𝒵", strict=True))
DOUBLE = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "𝔸𝔹ℂ𝔻𝔼𝔽𝔾ℍ𝕀𝕁𝕂𝕃𝕄ℕ𝕆ℙℚℝ𝕊𝕋𝕌𝕍𝕎𝕏𝕐ℤ", strict=True))
