"""Float replays of published verifiers, defects included: what audits look at, and never a premise of anything.

Nothing here is a rule, and no rule, strategy, method or advice imports from here (a test sees to it).
"""
