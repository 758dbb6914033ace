"""Lightning training with our checkpoints, on one device or many; tasks/ holds the loss and metrics of each task."""
