"""Forward passes: token ids in, logits out, with an adapter or none."""
