"""Files that outlive crashes: written whole, and locked by one process at a time."""
