"""Claims about weights, as people state them in papers: a small language, exact verdicts, files of claims."""
