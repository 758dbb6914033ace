"""Using what was trained: export, and answers about any picture; takes every network that a run describes."""
