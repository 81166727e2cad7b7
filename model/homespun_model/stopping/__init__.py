"""Where a suggestion ends."""
