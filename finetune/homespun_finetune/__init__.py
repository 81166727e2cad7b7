"""TRAINING: the LoRA loop, evaluation, the gate that decides, and the starter's own recipe."""
