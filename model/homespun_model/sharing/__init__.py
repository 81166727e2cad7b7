"""Adapters that travel: a store that many machines share by its URL."""
