"""TOKENS: base models, fill-in-the-middle formats, prompts, decoding, trimming, adapters."""
