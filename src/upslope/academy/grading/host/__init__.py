"""The grader's own process: it starts the child, hands it jobs, holds it to its limits and words the verdict."""
