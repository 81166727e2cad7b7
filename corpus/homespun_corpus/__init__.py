"""TEXT: a repository becomes functions, and functions become samples. Knows no tokens or models."""
