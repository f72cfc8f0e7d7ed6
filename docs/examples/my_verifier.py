"""A verifier with an error to be found: how many rows are certified to prefer their first output?"""


def verify(weights):
    logits = weights["X"] @ weights["W"]
    gap = logits[:, 0] - logits[:, 1:].amax(dim=1)
    return {"count": (gap > 0.0).sum(), "least": gap.amin()}
