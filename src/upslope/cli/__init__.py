"""The verbs of the command line, nothing else."""
