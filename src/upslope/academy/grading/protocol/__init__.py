"""The protocol between the two processes: jobs one way, signed messages the other."""
