"""Settings of the whole suite."""

from hypothesis import settings

# No deadline: how long an example takes says something about the machine. Fixed examples: a run tells what the last
# one told.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")
