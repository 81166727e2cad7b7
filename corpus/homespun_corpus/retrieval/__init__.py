"""Related code for a prompt: chunks of other files, found by likeness and by name."""
