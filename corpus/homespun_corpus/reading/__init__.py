"""Files of a repository as functions: worker processes, caches, memory."""
