"""What the two processes say to each other: jobs one way, signed messages the other."""
