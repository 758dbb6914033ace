"""Classifiers of counted texts, without a neural network."""
