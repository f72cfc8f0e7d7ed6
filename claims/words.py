"""Words as authors spell them: other names of functions, and words that the language itself defines.

A word is one line here.  In :data:`DERIVED` its meaning is written in the language, of its parameters; in
:data:`ALIASES` it is another name.  What takes an axis is in :data:`REDUCTIONS`, with its form for the rows of a
matrix.  :mod:`.spelling` puts them in.
"""

from __future__ import annotations

# Prefixes of functions that say nothing here: np.linalg.norm is norm.
MODULES = frozenset(
    {"np", "numpy", "torch", "jnp", "jax", "linalg", "F", "nn", "functional", "scipy", "stats", "math", "special", "sp"}
)
# Methods and functions that change nothing about a value.
NOTHING = frozenset(
    {
        "detach",
        "cpu",
        "numpy",
        "float",
        "double",
        "item",
        "squeeze",
        "clone",
        "contiguous",
        "array",
        "tensor",
        "asarray",
    }
)

ALIASES: dict[str, str] = {
    **dict.fromkeys(("amax", "greatest", "largest", "nanmax"), "max"),
    **dict.fromkeys(("amin", "least", "smallest", "nanmin"), "min"),
    **dict.fromkeys(("absolute", "fabs"), "abs"),
    **dict.fromkeys(("average", "avg"), "mean"),
    **dict.fromkeys(("diag", "get_diag"), "diagonal"),
    **dict.fromkeys(("offdiag", "off_diag", "offdiagonal"), "off_diagonal"),
    **dict.fromkeys(("cosine_similarity", "cosine_sim", "cos_sim", "cossim", "cosine"), "cos"),
    **dict.fromkeys(("corr", "corrcoef", "pearson", "pearsonr", "pearson_correlation"), "correlation"),
    **dict.fromkeys(("r2", "r²", "r2_score"), "r_squared"),
    **dict.fromkeys(("FVE", "explained_variance", "variance_explained", "frac_variance_explained"), "fve"),
    **dict.fromkeys(("matrix_rank",), "rank"),
    **dict.fromkeys(("svdvals", "singular_value", "sigmas"), "singular_values"),
    **dict.fromkeys(("eigs", "eigenvalues"), "eigvals"),
    **dict.fromkeys(("frobenius_norm", "fro", "fro_norm"), "frobenius"),
    **dict.fromkeys(("operator_norm", "op_norm", "spectral", "norm2"), "spectral_norm"),
    **dict.fromkeys(("vector_norm", "matrix_norm"), "norm"),
    **dict.fromkeys(("count_nonzero", "count_true"), "count"),
    **dict.fromkeys(("kl", "kl_divergence", "KL_divergence"), "KL"),
    **dict.fromkeys(("rowdiff", "row_diff", "max_row_diff"), "row_difference"),
    **dict.fromkeys(("increasing", "strictly_increasing"), "is_increasing"),
    **dict.fromkeys(("decreasing", "strictly_decreasing"), "is_decreasing"),
    **dict.fromkeys(("ptp",), "range"),
    **dict.fromkeys(("variance",), "var"),
    **dict.fromkeys(("stdev", "standard_deviation", "std_dev"), "std"),
    **dict.fromkeys(("inner", "vdot", "inner_product", "dot_product"), "dot"),
    **dict.fromkeys(("mm", "bmm", "mv"), "matmul"),
    **dict.fromkeys(("mul", "multiply"), "times"),
    **dict.fromkeys(("sub",), "subtract"),
    **dict.fromkeys(("pow",), "power"),
    **dict.fromkeys(("tr",), "trace"),
    **dict.fromkeys(("t", "swapaxes", "permute"), "transpose"),
    **dict.fromkeys(("ravel", "reshape", "view"), "flatten"),
    **dict.fromkeys(("ln",), "log"),
    **dict.fromkeys(("proj", "project", "projection_on"), "projection"),
    **dict.fromkeys(("mean_rows",), "row_mean"),
    **dict.fromkeys(("col_max",), "column_max"),
    **dict.fromkeys(("col_min",), "column_min"),
    **dict.fromkeys(("col_sum",), "column_sum"),
    **dict.fromkeys(("col_mean", "column_mean"), "mean_over_rows"),
    **dict.fromkeys(("rank_approximation", "best_rank_k", "low_rank", "truncated_svd", "rankk"), "rank_k"),
    **dict.fromkeys(("num_rows",), "rows"),
    **dict.fromkeys(("num_columns", "cols"), "columns"),
    **dict.fromkeys(("gt",), "greater"),
    **dict.fromkeys(("ge",), "greater_equal"),
    **dict.fromkeys(("lt",), "less"),
    **dict.fromkeys(("le",), "less_equal"),
    **dict.fromkeys(("eq",), "equal"),
    **dict.fromkeys(("ones_like",), "ones"),
    **dict.fromkeys(("zeros_like",), "zeros"),
    **dict.fromkeys(("nuclear",), "nuclear_norm"),
    **dict.fromkeys(("argmax_row",), "row_argmax"),
    **dict.fromkeys(("cond", "condition"), "condition_number"),
    **dict.fromkeys(("kurt",), "kurtosis"),
    **dict.fromkeys(("clip",), "clamp"),
    **dict.fromkeys(("numel", "nelement"), "size"),
}  # fmt: skip

# word(parameters): its meaning.  Powers are of entries; vectors meet entry by entry, whether they are rows or columns.
DERIVED: dict[str, str] = {
    "trace(A)": "sum(diagonal(A))",
    "cos(a, b)": "sum(a * b) / (frobenius(a) * frobenius(b))",
    "dot(a, b)": "sum(a * b)",
    "correlation(a, b)": "cos(a - mean(a), b - mean(b))",
    "r_squared(y, fit)": "1 - sum((y - fit)**2) / sum((y - mean(y))**2)",
    "nuclear_norm(A)": "sum(singular_values(A))",
    "condition_number(A)": "max(singular_values(A)) / min(singular_values(A))",
    "participation_ratio(A)": "sum(A * A)**2 / sum(singular_values(A)**4)",
    "stable_rank(A)": "sum(A * A) / spectral_norm(A)**2",
    "projection(A, v)": "(A @ v) / frobenius(v)",
    "square(A)": "A * A",
    "mse(A, B)": "mean((A - B)**2)",
    "rms(A)": "sqrt(mean(A * A))",
    "relu(A)": "maximum(A, 0)",
    "times(A, B)": "A * B",
    "add(A, B)": "A + B",
    "subtract(A, B)": "A - B",
    "divide(A, B)": "A / B",
    "matmul(A, B)": "A @ B",
    "negative(A)": "-A",
    "sigmoid(A)": "1 / (1 + exp(-A))",
    "greater(A, B)": "less(B, A)",
    "greater_equal(A, B)": "less_equal(B, A)",
    "column_max(A)": "row_max(A.T).T",
    "column_min(A)": "row_min(A.T).T",
    "column_sum(A)": "row_sum(A.T).T",
    "column_argmax(A)": "row_argmax(A.T).T",
    "entropy(p)": "-sum(p * log(p))",
    "KL(p, q)": "sum(p * (log(p) - log(q)))",
    "logsumexp(x)": "log(sum(exp(x)))",
    "copying_score(A)": "trace(A) / sum(eigenvalue_sizes(A))",
    "is_symmetric(A)": "max(abs(A - A.T))",
    "relative_error(A, B)": "frobenius(A - B) / frobenius(A)",
    "kurtosis(A)": "mean((A - mean(A))**4) / mean((A - mean(A))**2)**2",
    "skewness(A)": "mean((A - mean(A))**3) / sqrt(mean((A - mean(A))**2))**3",
}

# word: (of a matrix, of its rows).  With axis=0 it is that of the columns.
REDUCTIONS: dict[str, tuple[str, str]] = {
    "max": ("max(A)", "row_max(A)"),
    "min": ("min(A)", "row_min(A)"),
    "sum": ("sum(A)", "row_sum(A)"),
    "mean": ("mean(A)", "row_mean(A)"),
    "range": ("range(A)", "row_range(A)"),
    "argmax": ("argmax(A)", "row_argmax(A)"),
    "argmin": ("argmax(-A)", "row_argmax(-A)"),
    "all": ("min(A)", "row_min(A)"),
    "any": ("max(A)", "row_max(A)"),
    "count": ("sum(A)", "row_sum(A)"),
    "median": ("quantile(A, 1/2)", "row_quantile(A, 1/2)"),
    "var": ("mean((A - mean(A))**2)", "row_mean((A - row_mean(A))**2)"),
    "std": ("sqrt(mean((A - mean(A))**2))", "sqrt(row_mean((A - row_mean(A))**2))"),
    "frobenius": ("frobenius(A)", "sqrt(row_sum(A * A))"),
}
# The same, but what is of the rows is a matrix again.  Of a matrix without axis= they have no meaning.
BY_ROWS: dict[str, str] = {
    "softmax": "row_softmax(A)",
    "log_softmax": "log(row_softmax(A))",
    "sort": "row_sort(A)",
    "cumsum": "row_cumsum(A)",
    "diff": "row_diff(A)",
}
