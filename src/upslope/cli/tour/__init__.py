"""A newcomer's first minute, every step of it real."""
