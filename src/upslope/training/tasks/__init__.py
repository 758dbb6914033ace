"""One file, one kind of question: its loss, predictions, metrics and figures, named by Hugging Face's task tags."""
