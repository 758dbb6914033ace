"""Upslope: learn deep learning by building it."""
