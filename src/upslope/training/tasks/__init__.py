"""One file, one task: its loss, predictions, metrics and figures, named by Hugging Face's task tags."""
