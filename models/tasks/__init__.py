"""Tasks: input set, ground truth and metric; one task a file."""
