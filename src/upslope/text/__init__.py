"""Texts: tokenizers that cut them into pieces and number the pieces."""
