"""Induction heads: two layers of attention with one head each, on the task "what came after the token before".

Notation of this folder.  Positions 0 … f, f = n - 1 the query; the input has t_f = t_i = q and the right answer is
a = t_{i+1}; k* = i + 1 is the *reference* key, the others are *distractors*.  With x_m(t) = E_t + P_m and o_m(t) =
x_m(t) W_V W_O of layer 1, row k of layer 1 is a mixture of atoms,

    r_k = x_k(t_k) + Σ_{m<=k} A_km o_m(t_m),    A_km = w_k(m, t_m)/Σ_l w_k(l, t_l),    w_k(m, t) = exp(score of layer
    1),

and the logits are r_f W_U + Σ_k B_k r_k W_V W_O W_U (layer 2) with B the softmax of s_k = c (r_f W_Q)·(r_k W_K).

A *group* is (q, i, a): the inputs with these three.  A *node* is a group with some more tokens fixed; a free position
holds any token that may stand there.  Every bound below holds on all inputs of a node at once, and a tree of nodes
decides every input.
"""
