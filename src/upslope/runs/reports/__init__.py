"""The figures and numbers that runs of one kind have in common, from plain arrays."""
