"""A newcomer's first minute, each act of it really happening."""
