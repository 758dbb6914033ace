"""The grader's own process: it starts the child, sends it jobs, enforces its limits and writes the verdict."""
