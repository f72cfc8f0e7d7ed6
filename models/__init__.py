"""What the statements are about: weights, architectures, tasks."""
