"""Published bases: which there are, how they come onto this machine, and where they lie."""
