"""Verbs about the guide: the roadmap and its items, what comes next, tiers, and what the learner reports."""
