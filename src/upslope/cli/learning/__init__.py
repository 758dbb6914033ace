"""The verbs of a learner: lessons, checks, hints, and what comes next."""
