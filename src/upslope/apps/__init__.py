"""Finished products: one file is one program that a person uses."""
