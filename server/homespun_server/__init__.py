"""EDITORS: the language server, its scheduling and caches. Holds no completion logic of its own."""
