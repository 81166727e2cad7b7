"""Base models: families, tokenizers, prompts, the bundled starter."""
