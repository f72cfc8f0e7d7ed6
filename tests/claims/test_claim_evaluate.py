"""What statements mean on a network: values against fractions, quantifiers, ties, witnesses, refusals."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from small_network import small_known

from mechproof.claims.context import Budget, Context, Open
from mechproof.claims.directions import Directions
from mechproof.claims.errors import StatementError
from mechproof.claims.facts import FACTS
from mechproof.claims.functions import FUNCTIONS
from mechproof.claims.names import check
from mechproof.claims.syntax import parse, parse_expression
from mechproof.claims.truth import Judge
from mechproof.claims.vocabulary import NAMES, NameLogits, NameMatrices, Vocabulary
from mechproof.engine.arithmetic.verdict import Verdict
from mechproof.engine.errors import describe
from mechproof.rewrites.rules.additive_margin import AdditiveMarginRule
from mechproof.rewrites.standard_forms import paths_of


def on(vocabulary: Vocabulary, bits: int = 128, budget: Budget | None = None) -> Judge:
    return Judge(Context(vocabulary, bits, budget or Budget(), Directions(bits, ranked=True), ranked=True))


def evaluator(seed: int = 0, bits: int = 128, budget: Budget | None = None) -> Judge:
    """On a network with V = 3, K = 2, d = 2, h = 2 and random biases."""
    graph, known = small_known(seed)
    return on(graph.claim(graph.apply(NameMatrices(), [known])), bits, budget)


@pytest.fixture(scope="module")
def speaking() -> Judge:
    """One that knows the logits too."""
    graph, known = small_known(1)
    (network,) = graph.derivations_of(known)[0].premises
    margin = graph.apply(AdditiveMarginRule(), [paths_of(graph, graph.claim(network).statement)])
    return on(graph.claim(graph.apply(NameLogits(), [known, margin])))


def rows(given: Judge, text: str) -> list[list[Fraction]]:
    """The exact value of an expression."""
    value = given.values.value(parse_expression(text), {})
    assert value.exact
    return [[value.bounds(i, j)[0] for j in range(value.shape[1])] for i in range(value.shape[0])]


def verdict(given: Judge, text: str) -> Verdict:
    statement = parse(text)
    check(statement)
    return given.judge(statement, {}).verdict


@pytest.mark.parametrize("seed", range(5))
def test_functions_of_an_exact_matrix(seed):
    """Each function against its definition over fractions."""
    given = evaluator(seed)
    a = rows(given, "EVOU")
    flat = [entry for row in a for entry in row]
    for text, expected in {
        "max(EVOU)": max(flat), "min(EVOU)": min(flat), "range(EVOU)": max(flat) - min(flat), "sum(EVOU)": sum(flat),
        "mean(EVOU)": sum(flat) / 9, "row_difference(EVOU)": max(max(row) - min(row) for row in a),
        "diagonal_margin(EVOU)": min(row[i] - max(row[:i] + row[i + 1 :]) for i, row in enumerate(a)),
        "max(abs(EVOU))": max(map(abs, flat)), "frobenius(EVOU)^2 * 0": 0,
    }.items():  # fmt: skip
        assert rows(given, text) == [[expected]]
    for text, reduce in {"row_max": max, "row_min": min, "row_sum": sum}.items():
        assert rows(given, f"{text}(EVOU)") == [[reduce(row)] for row in a]
    assert rows(given, "row_range(EVOU)") == [[max(row) - min(row)] for row in a]
    assert rows(given, "row_mean(EVOU)") == [[sum(row) / 3] for row in a]
    assert rows(given, "mean_over_rows(EVOU)") == [[sum(column) / 3 for column in zip(*a, strict=True)]]
    assert rows(given, "diagonal(EVOU)") == [[a[i][i]] for i in range(3)]
    assert rows(given, "EVOU.T") == rows(given, "transpose(EVOU)") == [list(column) for column in zip(*a, strict=True)]
    assert rows(given, "EVOU[1:, 0:2]") == [row[:2] for row in a[1:]]
    assert rows(given, "EVOU[2]") == [a[2]] and rows(given, "EVOU[:, 1]") == [[row[1]] for row in a]


@pytest.mark.parametrize("seed", range(5))
def test_the_path_products_are_those_of_the_papers(seed):
    """Written out from the tensors, biases included; the mean position moves a constant a row."""
    given = evaluator(seed)
    for text in (
        "EVOU = W_E @ W_V @ W_O @ W_U",
        "PVOU = (W_pos @ W_V + b_V) @ W_O @ W_U",
        "EUPU = (W_E + W_pos[K - 1] + b_O) @ W_U + b_U",
        "EQKE = ((W_E + W_pos[K - 1]) @ W_Q + b_Q) @ (W_E @ W_K).T",
        "EQKP = ((W_E + W_pos[K - 1]) @ W_Q + b_Q) @ (W_pos @ W_K + b_K).T",
        "EQKE_mean = ((W_E + W_pos[1]) @ W_Q + b_Q) @ ((W_E + mean_over_rows(W_pos)) @ W_K).T",
        "UU = EUPU and V = 3 and K = 2 and d_vocab = V and n_ctx = K and d_model = 2 and d_head = 2",
        "EQKP - EQKP_mean + EQKE[0, 0] = EQKE_mean[:, 0] - EQKE[:, 0] + EQKE[0, 0]",
    ):
        assert verdict(given, text).proved, text


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("2.345 ≈ 2.34", True),  # exactly half a unit away, on either side
        ("2.335 ≈ 2.34", True),
        ("2.3450001 ≈ 2.34", False),
        ("2.3349999 ≈ 2.34", False),
        ("7440.5 ≈ 7440", True),
        ("7440.51 ≈ 7440", False),
        ("1850 ≈ 1.8e3", True),
        ("0.98449 ≈ 98.4 %", True),
        ("0.98451 ≈ 98.4 %", False),
        ("-1.855 ≈ -1.85", True),
        ("sqrt(2) ≈ 1.41", True),
        ("sqrt(2) ≈ 1.40", False),
    ],
)
def test_approximately_means_half_a_unit_of_the_last_digit(text, holds):
    """Ties at exactly half a unit included."""
    assert verdict(evaluator(), text) is (Verdict.TRUE if holds else Verdict.FALSE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("for all q <= m: EVOU[q, m] <= max(EVOU)", Verdict.TRUE),
        ("for all q, m: EVOU[q, m] < max(EVOU)", Verdict.FALSE),
        ("for all i in 0..1, j in positions, k in tokens: W_pos[i, j] + k <= 5 + max(W_pos)", Verdict.TRUE),
        ("for all q < 0: EVOU[q, q] > 1000", Verdict.TRUE),
        ("for all q: q^2 = q * q and not q < 0", Verdict.TRUE),
        ("not EVOU = EVOU + 1", Verdict.TRUE),
        ("1 < 2 and 2 < 1", Verdict.FALSE),
        ("0 < 1 < 2 <= 2 != 3", Verdict.TRUE),
        ("abs(EVOU) >= 0", Verdict.TRUE),
        ("EVOU - EVOU = 0", Verdict.TRUE),
        ("2 in [1, 2]", Verdict.TRUE),
        ("2.01 in [1, 2]", Verdict.FALSE),
        ("is_increasing(EVOU[0:1, 0])", Verdict.TRUE),
        ("sqrt(2) * sqrt(2) = 2", Verdict.UNDECIDED),
        ("sqrt(2) <= sqrt(2)", Verdict.TRUE),
        ("sqrt(9/4) = 1.5", Verdict.TRUE),
        ("sigma(EVOU, 1) = spectral_norm(EVOU)", Verdict.UNDECIDED),
        ("sigma(EVOU, 3) = 0", Verdict.TRUE),  # of rank 2
        ("sigma(EVOU, 1)^2 + sigma(EVOU, 2)^2 - frobenius(EVOU)^2 in [-1e-9, 1e-9]", Verdict.TRUE),
        ("max(abs(EVOU - rank1(EVOU))) <= sigma(EVOU, 2) + 1e-9", Verdict.TRUE),
        ("2^-3 = 1/8 and 0x1.8p-1 = 0.75", Verdict.TRUE),
    ],
)
def test_statements(text, expected):
    """Quantifiers, chains, negation, and what exactness decides."""
    assert verdict(evaluator(), text) is expected


def test_an_unresolved_comparison_says_how_close_it_is():
    """The gap is in the outcome, with its precision in the digits."""
    outcome = evaluator(bits=64).judge(parse("sqrt(2) * sqrt(2) = 2"), {})
    assert outcome.gap.startswith("sqrt(2) * sqrt(2) - 2 in [") and "e-19" in outcome.gap


def test_a_refutation_names_its_witness():
    """The tightest entry of a matrix, the first instance of a quantifier, and the values there."""
    given = evaluator()
    a = rows(given, "EVOU")
    largest = max((entry, i, j) for i, row in enumerate(a) for j, entry in enumerate(row))
    outcome = given.judge(parse("EVOU < -1000"), {})
    assert outcome.witness == f"at entry [{largest[1]}, {largest[2]}]"
    assert outcome.measured[0].text == f"EVOU[{largest[1]}, {largest[2]}]"
    assert outcome.measured[0].low == outcome.measured[0].high == largest[0]
    outcome = given.judge(parse("for all q in 1..2, m: EVOU[q, m] > 1000"), {})
    assert outcome.witness == "at q = 1, m = 0" and outcome.measured[0].low == a[1][0]


def test_right_means_that_the_largest_tokens_logit_is_the_largest(speaking):
    """Exact signs and enclosed logits agree on every sequence."""
    for t in range(3):
        for q in range(3):
            found = verdict(speaking, f"correct({t}, {q})")
            by_logits = all(
                verdict(speaking, f"logits({t}, {q})[{x}] < logits({t}, {q})[{max(t, q)}]").proved
                for x in range(3)
                if x != max(t, q)
            )
            assert found is (Verdict.TRUE if by_logits else Verdict.FALSE)
    assert verdict(speaking, "for all t, q: max(logits(t, q)) < 1000") is Verdict.TRUE


def test_the_loss_of_single_sequences_adds_up(speaking):
    """The mean cross-entropy against the exponentials of the logits, on all nine sequences at once."""
    low, high = speaking.values.value(parse_expression("loss"), {}).bounds()
    assert 0 < low <= high < low + Fraction(1, 1 << 100)
    ranges = [parse_expression(f"range(logits({t}, {q}))") for t in range(3) for q in range(3)]
    largest = max(speaking.values.value(text, {}).bounds()[1] for text in ranges)
    assert high <= largest + Fraction(11, 10)  # log(e^a + e^b + e^c) - min <= range + log 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("EQEK <= 3", "column 1: there is no 'EQEK' here; the nearest known name is 'EQKE'"),
        ("w_e <= 3", "column 1: there is no 'w_e' here; the nearest known name is 'W_E'"),
        ("1 <= max(row_diffrence(EQKE))", "nearest known name is 'row_difference'"),
        ("zzzzzz <= 3", "column 1: there is no 'zzzzzz' here; known are "),
        ("EQKE + EQKP @ W_E <= 3", "column 8: 3 × 2 @ 3 × 2: these shapes do not fit"),
        ("EQKE @ W_pos <= 3", "column 1: 3 × 3 @ 2 × 2: these shapes do not fit"),
        ("EQKE + W_pos <= 3", "column 1: 3 × 3 + 2 × 2: these shapes do not fit"),
        ("EQKE <= W_pos", "column 1: 3 × 3 <= 2 × 2: these shapes do not fit"),
        ("1 <= 2 / (EQKE - EQKE)", "column 6: division by zero"),
        ("EQKE[3] <= 1", "column 1: row 3 of a matrix that has 3 rows, counted from 0"),
        ("EQKE[0, 1:5] <= 1", "column 1: column 1:5 of a matrix that has 3 columns, counted from 0"),
        ("sigma(EQKE) <= 1", "column 1: sigma takes a matrix and a whole number, found 1 arguments"),
        ("sigma(EQKE, 4) <= 1", "column 1: sigma takes a matrix and a whole number from 1 to 3, found 4"),
        ("sqrt(0 - 2) <= 1", "column 1: the square root of a negative number"),
        ("sqrt(-abs(EQKE)) <= 1", "column 1: the square root of a negative number"),
        ("1 / (EQKE - EQKE)[0, 0] <= 1", "column 1: division by zero"),
        ("(EQKE - EQKE)[0, 0]^-1 <= 1", "column 1: division by zero"),
        ("for all q in 0..2, q in 1..1: q > 0", "column 9: a variable can only have one range"),
        ("is_increasing(EQKE)", "column 1: is_increasing takes a row or a column, found a matrix of 3 × 3"),
        ("correct(0, 0) <= 1", "column 1: correct is not a value, so it cannot stand here"),
        ("max(EQKE)", "column 1: max is not true or false, so it cannot stand here"),
        ("EQKE ≈ 0x1p1", "column 8: ≈ needs a decimal number, whose last digit says how close"),
        ("for all q <= m: EQKE[q, q] > 0", "column 9: the variable m does not occur after the colon"),
        ("for all V: V > 0", "column 9: V already has a meaning and cannot be a variable"),
        ("for all all: all > 0", "column 9: all is a word of the language and cannot be a variable"),
        ("for all tokens <= m: m > 0", "column 9: there is no 'tokens' here"),
        ("for all q: for all q in 0..1: q > 0", "column 20: q already has a meaning"),
        ("for all q, m: for all q <= m: q + m > 0", "column 23: a quantifier needs a variable of its own"),
        ("for all p in 0..q: p > q", "column 17: there is no 'q' here"),
        ("for all q <= foo(q): q > 0", "column 14: there is no 'foo' here"),
        ("for all q in max(EQEK)..3: q > 0", "column 18: there is no 'EQEK' here"),
        ("for all q in K: q > 0", "column 14: expected tokens, positions or a range such as 0..3"),
        ("EQKE[0.5] > 0", "column 6: expected a whole number, found 0.5"),
        ("for all q: EQKE[q, r] > 0", "column 20: there is no 'r' here"),
    ],
)  # fmt: skip
def test_errors_are_sentences_with_a_column(text, sentence):
    """Nearest names, both shapes, what was expected and what was found."""
    with pytest.raises(StatementError) as caught:
        verdict(evaluator(), text)
    assert sentence in describe(caught.value)


@pytest.mark.parametrize(
    "text", ["correct(0)", "correct(0, 3)", "correct(0, 1, 2)", "correct(0, EQKE)", "logits(0) > 0"]
)
def test_a_sequence_has_the_right_length_and_tokens(speaking, text):
    """Anything else is refused with what was expected."""
    with pytest.raises(StatementError, match="takes a sequence of 2 tokens 0 to 2, found"):
        verdict(speaking, text)


@pytest.mark.parametrize(
    "text",
    [
        "for all x in 0..999999999: x >= 0",
        "for all x in 0..999999999, y in 0..999999999: x >= y",
        f"for all x in 0..{10**55}: x >= 0",
        "for all a, b, c, d, e, f, g, h, i, j, k, l: a + b + c + d + e + f + g + h + i + j + k + l >= 0",
    ],
)
def test_a_quantifier_beyond_the_budget_says_what_it_would_cost(text):
    """At once, with the number of instances."""
    start = time.process_time()
    with pytest.raises(Open, match=r"the quantifier has \d+ instances; the budget is 262144") as caught:
        verdict(evaluator(), text)
    assert caught.value.hopeless and time.process_time() - start < 2


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("for all a in 0..999: for all b in 0..999: a + b >= 0", 262),
        ("for all a in 0..999: sigma(a * EQKE, 1) >= 0", 256),
        ("for all a in 0..30000: logits(a, 0) < a", 20000),
    ],
)
def test_nested_and_expensive_quantifiers_share_the_budget(text, limit):
    """A quantifier inside another has what the outer one leaves; where each instance is expensive there are fewer."""
    with pytest.raises(Open, match=f"the budget is {limit}$"):
        verdict(evaluator(), text)


def test_singular_values_in_a_quantifier_are_those_of_each_instance():
    """Nothing that was found for one value of a variable is used for another."""
    for text, expected in {
        "spectral_norm(a * EVOU) <= 1.5 * spectral_norm(EVOU)": Verdict.FALSE,
        "sigma(a * EVOU, 2) <= 3.001 * sigma(EVOU, 2)": Verdict.TRUE,
        "sum(rank1(a * EVOU)) = sum(rank1(EVOU))": Verdict.FALSE,
    }.items():
        assert verdict(evaluator(), f"for all a in 1..3: {text}") is expected


def test_a_definition_captures_no_variable():
    """A name in a definition never becomes the variable of a quantifier around its use."""
    statement = parse("for all q: X >= q - 5", {"X": parse_expression("EQKE[q, q]")})
    with pytest.raises(StatementError, match="there is no 'q' here"):
        check(statement)


def test_an_error_inside_a_definition_points_at_its_use():
    """The column is one of the statement, not of the definition's text."""
    statement = parse("1 <= max(X)", {"X": parse_expression("EQKE + EQKE + W_pos")})
    check(statement)
    with pytest.raises(StatementError, match="column 10: 3 × 3 \\+ 2 × 2"):
        evaluator().judge(statement, {})


@pytest.mark.parametrize("text", ["2^9999 >= 1 and ((2^9999)^9999)^9999 <= 1", "((((9^999)^999)^999)^999)^999 <= 1"])
def test_huge_powers_are_refused(text):
    """Before they are computed."""
    start = time.process_time()
    with pytest.raises(StatementError, match="a power of"):
        verdict(evaluator(), text)
    assert time.process_time() - start < 2


def test_a_loss_over_too_many_sequences_says_what_it_would_cost(speaking):
    """The number of exponentials, and no verdict."""
    small = on(speaking.context.vocabulary, 256, Budget(sequences=8))
    with pytest.raises(Open, match="loss over 9 sequences would take 27 exponentials; the budget is 8 sequences"):
        verdict(small, "loss <= 1000")


def test_what_is_not_among_the_premises_is_not_known():
    """A vocabulary of matrices says nothing of logits or accuracy."""
    for text in ("correct(0, 1)", "logits(0, 1) < 1000", "accuracy <= 1", "loss < 1000"):
        with pytest.raises(Open, match="not among the premises"):
            verdict(evaluator(), text)


def test_a_name_is_one_thing():
    """No function, predicate and quantity share a name."""
    assert not (FUNCTIONS.keys() & FACTS.keys()) and not (NAMES & (FUNCTIONS.keys() | FACTS.keys()))
