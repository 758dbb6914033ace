"""What a run is: folder, metrics, checkpoints, pictures, result and records."""
