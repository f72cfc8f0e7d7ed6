"""Every way to fail, as a code with data; the sentence is rendered apart from where it is raised.

E1xx, exit code 2, ``s MALFORMED``: not a certificate, not a weights file, or wrong usage.
E2xx, exit code 1, ``s REFUSED``: well formed, but it does not prove what it says (E20x the relation,
E21x the derivations, E22x a tree, E23x a triple or a set, E26x float runs, E28x losses,
E289 to E299 claims), or the checker stopped at one of its limits (E24x).

The members of :class:`Code` below are the whole table: code, then the sentence with its data in braces.

>>> describe(Code.E223, {"cell": (0, 2), "symbol": 7})
'cell (q, m) = (0, 2), symbol 7: one sequence cannot be split'
"""

from __future__ import annotations

from enum import Enum

# What a sentence shows of a value, so that it stays a line that people read.
SHOWN_BITS = 512
SHOWN_ITEMS = 8
SHOWN_TEXT = 200


class Code(Enum):
    """Error codes; a number once published keeps its meaning."""

    E100 = "usage: {problem}"
    E101 = "{file}: cannot be read: {reason}"
    E102 = "{file}: more than {limit} bytes"
    E103 = "unknown task {task}: this checker knows {known}"
    E110 = "certificate, byte {at}: expected {expected}, found {found}"
    E111 = "certificate, byte {at}: an integer outside the range of the format"
    E112 = "certificate, byte {at}: more than {limit} items in a list"
    E114 = "certificate, byte {at}: expected a text of 1 to {limit} printable characters"
    E115 = "the claim, character {at}: expected {expected}, found {found}"
    E116 = "the claim, character {at}: more than {limit} {what}"
    E120 = "{file}: neither .safetensors nor .npz; convert it to safetensors first (mechproof convert)"
    E121 = "{file}: not a safetensors file: {what}"
    E122 = "{file}: not an npz file: {what}"
    E123 = "{file}: array {name}: {what}"
    E124 = "{file}: tensor {name} has dtype {dtype}; float16, bfloat16, float32 and float64 are read"
    E131 = "{file}: weight {name} is missing"
    E132 = "{file}: tensor {name} has shape {found}, expected {expected}"
    E133 = "{file}: tensor {name}, entry {entry}: NaN or infinity"
    E134 = "{file}: tensor {name} has other values under the name {other}"
    E140 = "{file}: not a network file: {what}"
    E141 = "{file}: layer {layer} ({kind}): {what}"
    E142 = "{file}: tensor {name}: {what}"
    E143 = "{file}: the configuration: {what}"
    E144 = "{file}: tensor {name} belongs to no network that is known by its names; describe it in a network file"
    E150 = "task {task}: {what}"
    E151 = "the expression, character {at}: {what}"
    E152 = "the right answer of input {input}: {what}"
    E153 = "task {task}: there are no inputs"
    E154 = "{file}: tensor {name} has dtype {dtype}; a table of a task holds integers"

    E201 = "{where}: the certificate is about statement {stated}, the given weights and task are {own}"
    E202 = "the relation is about {stated} inputs, the task has {own}"
    E203 = "the relation's counts do not satisfy 0 <= right_low <= right_high <= inputs"
    E204 = "the last conclusion does not give the relation"
    E205 = "the relation's bounds do not satisfy 0 <= low <= high"
    E210 = "derivation {id}: unknown rule {rule}"
    E211 = "derivation {id} ({rule}): the premises must be {expected}, found {found}"
    E212 = "derivation {id} ({rule}): premise {premise} is not an earlier derivation"
    E213 = "derivation {id} is not used"
    E214 = "derivation {found} stands where {expected} must"
    E215 = "there are no derivations"
    E216 = "derivation {id} ({rule}): {what} is stated as {stated}; found {own}"
    E218 = "path matrices need one layer, one head, and the largest token as the right answer; here {why}"
    E219 = "the certificate is about stored tensors alone, and a derivation is about a network"
    E220 = "the tree ends inside cell (q, m) = {cell}"
    E221 = "{extra} symbols are left over after the last cell of the tree"
    E222 = "cell (q, m) = {cell}, symbol {symbol}: expected S, R, W with a token, or U"
    E223 = "cell (q, m) = {cell}, symbol {symbol}: one sequence cannot be split"
    E224 = "cell (q, m) = {cell}, symbol {symbol}: R is not established: token {x} may reach the right logit"
    E225 = "cell (q, m) = {cell}, symbol {symbol}: W is not established: token {x} may stay below the right logit"
    E226 = "cell (q, m) = {cell}, symbol {symbol}: W names token {x}, not a wrong token of the vocabulary"
    E227 = "cell (q, m) = {cell}, symbol {symbol}: a tree of losses has only S and U"
    E230 = "triple {index}: (m, q, x) = {triple} is out of range, or out of order"
    E234 = "triple {index}: the step 2^{exponent} is finer than 2^{limit}, the finest that is computed with"
    E235 = "triple {index}: its table would need {found} bits, at most {limit} are used"
    E236 = "derivation {id} ({rule}): cell (q, m) = {cell} has no sequences of this set with {number} other tokens"
    E237 = "derivation {id} ({rule}): cell (q, m) = {cell}, {number} other tokens: token {x} may reach the right logit"
    E238 = "derivation {id} ({rule}) does not apply: {what}"
    E240 = "a sum is undecided at {bits} bits, and climbs no further"
    E241 = "an attention score is larger than 2^{limit}"
    E242 = "the work exceeds the budget of {limit} steps (--budget raises it)"
    E243 = "the network is too large: {what} is {found}, at most {limit} is checked"
    E244 = "a worker process ended without a result"
    E245 = "the check broke off: {error}"
    E246 = "the verdict cannot be written: {reason}"
    E252 = "the shapes do not fit: {what}"
    E260 = "a weight has no {format} number: it rounds to 2^{end} or more"
    E261 = "a {format} run may overflow"
    E262 = "underflow in a {format} run may cost more than 2^{grid}"
    E263 = "{count} roundings, each of a relative error of up to 2^-{bits}, are too many"
    E264 = "an exponential with {ulps} units of error in the last place says nothing about {format} runs"
    E280 = "derivation {id} ({rule}): cell (q, m) = {cell}: the {side} bound of output {x} may not hold"
    E289 = "the claim: the quantifier over {names} has no instances, so that it says nothing"
    E290 = "derivation {id} ({rule}): the claim is stated as one that {stated}; it is found {found}"
    E291 = "the claim: {name} has no meaning here"
    E292 = "the claim: {what} must be {expected}"
    E293 = "the claim: {what} may be {found}"
    E294 = "the claim needs the directions of {expected} matrices, found {found}"
    E295 = "the directions of matrix {index} of the claim have {found}, expected {expected}"
    E296 = "the directions of matrix {index} of the claim are not orthonormal enough"
    E297 = "matrix {index} of the claim is not exactly known, or has a rank greater than {rank}"
    E298 = "the two largest singular values of matrix {index} of the claim are not told apart"
    E299 = "the claim: more than {limit} instances of its quantifiers"
    E300 = "boxes do not apply to this network and task: {what} cannot be taken"
    E301 = "the tables are less exact than 2^-{bits}"
    E303 = "derivation {id}, tree {tree}, symbol {symbol}: {what}"
    E304 = "derivation {id}, tree {tree}, symbol {symbol}: not established: {what}"


class Failure(Exception):
    """What a check raises: a code and its data.

    >>> Failure(Code.E213, id=3).code.name
    'E213'
    """

    def __init__(self, code: Code, **data: object) -> None:
        super().__init__(code, data)
        self.code = code
        self.data = data


def fault(error: BaseException) -> str:
    """What an exception is called, and says, if it can.

    >>> fault(IndexError("list index out of range"))
    'IndexError (list index out of range)'
    """
    name = type(error).__name__
    try:
        return f"{name} ({error})" if str(error) else name
    except Exception:
        return name


def listed(values: tuple[object, ...]) -> str:
    """Names one after the other, numbers in brackets."""
    if not values or any(isinstance(value, str) for value in values):
        return " and ".join(map(str, values)) or "none"
    return f"({', '.join(map(str, values))})"


def shown(value: object) -> str:
    """The value in some 200 characters of printable ASCII: long integers by their size, long texts by their ends.

    >>> shown(-(1 << 20000)), shown(7), shown((0, 2))
    ('about -2^20000', '7', '(0, 2)')
    >>> shown((4,)), shown(("margin", "tree")), shown(())
    ('(4)', 'margin and tree', 'none')
    >>> shown((0,) * 9), len(shown("a" * 1000))
    ('(0, 0, 0, 0, 0, 0, 0, 0, ...) (9 long)', 200)
    """
    if isinstance(value, int) and value.bit_length() > SHOWN_BITS:
        return f"about {'-' if value < 0 else ''}2^{value.bit_length() - 1}"
    if isinstance(value, tuple) and len(value) > SHOWN_ITEMS:
        return f"{shown(value[:SHOWN_ITEMS])[:-1]}, ...) ({len(value)} long)"
    text = listed(value) if isinstance(value, tuple) else str(value)
    ends = text if len(text) <= 2 * SHOWN_TEXT else text[:SHOWN_TEXT] + text[-SHOWN_TEXT:]
    plain = "".join(c if " " <= c <= "~" else ascii(c)[1:-1] for c in ends)
    half = SHOWN_TEXT // 2
    return plain if len(plain) <= SHOWN_TEXT else f"{plain[: half - 2]} ... {plain[3 - half :]}"


def describe(code: Code, data: dict[str, object]) -> str:
    """The sentence in printable ASCII, at most a few hundred characters, whatever an untrusted name holds."""
    return code.value.format(**{name: shown(value) for name, value in data.items()})
