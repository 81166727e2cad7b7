"""How suggestions are used: counts on the user's own disk, and what they say."""
