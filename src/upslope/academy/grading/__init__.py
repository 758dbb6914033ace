"""Grading: from a learner's text to a verdict, in a child process with limits and a sandbox."""
