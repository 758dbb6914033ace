"""Images: any file to an array, and preprocessing as in training."""
