"""Lightning inside a run: a trainer whose steps are the run's own, on one device or many."""
