"""The dataset: split, selection, holes, samples, rows on disk."""
