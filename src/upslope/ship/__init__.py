"""Using trained models: export, and pipelines that make predictions for any input of a task."""
