"""TEXT: a repository becomes functions, and functions become samples. Knows no tokens, no tensors, no models."""
