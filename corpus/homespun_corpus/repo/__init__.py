"""Git and folders: which repository this is, its files, commits and history."""
