"""Deep learning from nothing: `scalar` and `mlp` in pure Python, then an engine on NumPy with PyTorch's names."""
