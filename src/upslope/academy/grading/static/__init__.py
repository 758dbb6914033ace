"""What can be read from a learner's text before anything of it runs."""
