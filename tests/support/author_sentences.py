"""Sentences as authors type them, with the verdicts that tests/claims/test_author_truths.py works out in numpy."""

SENTENCES = """
PROVED  S = svd(EQKE).S; S[0]/S[1] ≈ 1093
REFUTED norm(EQKE - rank1(EQKE)) / norm(EQKE) ≈ 0.0024
PROVED  np.linalg.norm(EQKE - rank1(EQKE), 2) ≈ 7.3
PROVED  rank(EVOU, atol=0.01) = 30
PROVED  rank(EVOU, rtol=0.01) = 11
PROVED  rank(EVOU) <= 32
PROVED  frobenius(EVOU - rank_k(EVOU, 5)) < 30 % * frobenius(EVOU)
REFUTED sum(sigma(EVOU)^2)^2/sum(sigma(EVOU)^4) ≈ 2.53
REFUTED is_increasing(svd(EQKE).V[:,0][19:])
PROVED  abs(dot(svd(EQKE).U[:, 0], ones(64))) / 8 >= 0.99
REFUTED (EVOU.argmax(dim=-1) == arange(V)).all()
PROVED  for all but 8 m: EVOU[m].argmax() = m
REFUTED for all but 5 m: EVOU[m].argmax() = m
REFUTED for all m in 8..63, x in tokens, x != m: EVOU[m,m] - EVOU[m,x] >= 1
REFUTED EVOU.diag().mean() ≈ 21.1 and mean(offdiag(EVOU)) ≈ 1.07
PROVED  min(diag(EVOU)) > 0
REFUTED for all q, k < 63: EQKE[q,k+1] > EQKE[q,k]
PROVED  is_increasing(EQKE.mean(0)[19:])
PROVED  corrcoef(EQKE.mean(0), arange(64)) > 0.99
REFUTED (EQKE.mean(0)[63]-EQKE.mean(0)[0])/63 ≈ 20.0
PROVED  max(EQKP.max(1)-EQKP.min(1))/sqrt(d_head) <= 0.8
PROVED  argmax(logits(0,0,0,0)) = 11
REFUTED 1 - accuracy ≈ 0.05 %
PROVED  accuracy ~ 99.98 %
PROVED  [norm(W) for W in [W_E,W_Q,W_K]] ≈ [12.69, 12.74, 7.9] or W_E.norm() ≈ 12.69
PROVED  median(abs(EQKE - rank1(EQKE))) ≈ 0.13
PROVED  std(EUPU) < 1
PROVED  sigma(EQKE,1)/sigma(EQKE,2) = 1093 ± 1
REFUTED sigma(EQKE,1) ≈ 8000
PROVED  sigma(EQKE,1) ~ 8000
PROVED  sigma(EQKE,1) ≈ 8000 to 2 significant digits
PROVED  norm(W_O @ W_U) / (norm(W_O)*norm(W_U)) ≈ 0.29
PROVED  all(EVOU[m,m] > EVOU[m,q] for m in range(8, 64) for q in range(64) if q != m)
PROVED  copying_score(W_V @ W_O) > 0.79
PROVED  (eigvals(EVOU).real > 0).mean() < 0.5
PROVED  eigvals(W_V @ W_O).real.sum() / abs(eigvals(W_V @ W_O)).sum() ≈ 0.79
PROVED  torch.linalg.norm(W_U) < 20
PROVED  np.linalg.norm(W_Q @ W_K.T, ord=2) > np.linalg.norm(W_Q @ W_K.T, ord='fro') / 10
PROVED  (W_E.norm(dim=-1) < 3).all()
PROVED  W_E.norm(dim=-1).max() ≈ 2.04
REFUTED cosine_similarity(W_E[:, 0], W_U[0]) > 0.9
PROVED  R2(EQKE, rank1(EQKE)) > 0.999
PROVED  1 - norm(EQKE - rank1(EQKE))**2 / norm(EQKE)**2 > 99.9 %
PROVED  (EVOU.argmax(dim=1) == torch.arange(64)).float().mean() >= 0.9
PROVED  (EVOU.argmax(dim=1) == arange(64)).sum() = 58
PROVED  count(EVOU.argmax(1) != arange(64)) = 6
PROVED  for all but exactly 6 m: EVOU[m].argmax() = m
PROVED  exists m: EVOU[m, m] < max(EVOU[m])
PROVED  not (exists m in 7..63: EVOU[m, m] < max(EVOU[m]))
REFUTED max(abs(EQKP)) < 3 or max(abs(EQKE)) < 3
PROVED  sum(svd(EVOU).S[:5]**2) / sum(svd(EVOU).S**2) > 95 %
PROVED  np.quantile(abs(EQKE - rank1(EQKE)), 0.99) < 1
REFUTED (np.abs(EUPU) < 1).mean() > 0.75
PROVED  softmax(logits(3, 17, 5, 6))[17] > 0.99
PROVED  -log(softmax(logits(3,17,5,6))[17]) < 0.01
PROVED  cross_entropy(3,17,5,6) < 0.01
PROVED  np.diff(EQKE.mean(0)[17:]).min() > 0
PROVED  (np.diff(EQKE, axis=1) > 0).mean() ≈ 0.97
PROVED  np.allclose(EQKE, rank1(EQKE), atol=1.5, rtol=0)
PROVED  EQKE[-1].argmax() = 63
REFUTED EQKE[:, -1].min() > 200
PROVED  for every m >= 8: correct(m, m, m, m)
PROVED  KL(softmax(logits(3,17,5,6)), softmax(logits(17,3,5,6))) < 1e-4
PROVED  (EVOU - EVOU.mean(dim=-1, keepdim=True)).diag().min() > 5
PROVED  W_E.shape[0] = d_vocab and W_E.shape[1] = d_model
"""
LINES = [line.split(None, 1) for line in SENTENCES.strip().splitlines()]
