"""Environments for reinforcement learning: gymnasium's games, many copies at once, recorded and drawn."""
