"""Grading: from a learner's text to a verdict, in a child that is limited and shut in."""
