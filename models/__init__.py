"""What the statements are about: weights, networks, tasks."""

# The task of who names none.
DEFAULT_TASK = "max-of-k"
