"""Checks of what is written for Keras 3, on PyTorch."""
