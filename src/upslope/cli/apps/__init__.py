"""Verbs of finished products: upslope app NAME, one file for each."""
