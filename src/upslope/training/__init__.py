"""Lightning training with our checkpoints, on one device or many; tasks/ holds what each kind of question asks."""
