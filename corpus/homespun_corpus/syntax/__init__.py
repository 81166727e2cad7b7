"""Source bytes as syntax: languages, trees, functions. Knows no repository."""
