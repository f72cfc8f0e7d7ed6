"""Audits of published float verifications: does a bound that was computed in floats survive?

Floats are replayed here, never believed: what decides (``relaxation``, ``witness``) reads them as the exact numbers
they are.  Nothing that is proved elsewhere rests on an audit.
"""
