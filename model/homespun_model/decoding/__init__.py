"""Token ids out: greedy decoding, drafting, scoring, confidence."""
