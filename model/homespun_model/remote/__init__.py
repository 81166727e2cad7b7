"""A base on another machine, asked over HTTP: one server of a team's own, in place of an engine."""
