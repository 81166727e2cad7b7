"""TRAINING: the LoRA loop, evaluation, the gate that decides what is published, and the starter's own recipe."""
