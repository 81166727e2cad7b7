"""From a place to a suggestion: what is asked of whatever decodes, and what of it is shown."""
