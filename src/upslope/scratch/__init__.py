"""Deep learning from nothing: `scalar` and `network` in pure Python, then an engine on NumPy that follows PyTorch's names."""
