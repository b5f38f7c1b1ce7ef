"""Kinds of data of one's own, one file each, with `takes(name)` and `load(name, options)` that returns a Source."""
