"""Models in GGUF files, read without running anything: fields, weights, vocabulary."""
