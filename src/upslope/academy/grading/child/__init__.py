"""The child process: it imports the heavy libraries once, forks for every job and runs the checks there."""
