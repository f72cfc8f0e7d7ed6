"""Search for proofs: goals, backward from what is wanted to the rules that give it, and bounds of products."""
