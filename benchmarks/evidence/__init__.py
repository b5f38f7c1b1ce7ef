"""What is said about smoothing, measured again: one file a statement."""
