"""A generic adapter for a base: trained by this project's recipe on permissive code of many teams.

clones     which repositories, and bringing those here that are not
material   repositories → samples as token ids on the disk, mixed evenly
rounds     training in rounds, until more tokens gain little
shelf      the adapter with its card, put where its base finds it
command    ``homespun models adapt``
"""
