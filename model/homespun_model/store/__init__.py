"""Adapters on disk: revisions, locks, what may be loaded."""
