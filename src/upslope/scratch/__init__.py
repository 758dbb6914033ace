"""Deep learning from nothing: `scalar` and `network` in pure Python, then an engine on NumPy with PyTorch's names."""
