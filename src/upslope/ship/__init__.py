"""Using what was trained: export, and pipelines that answer any input of a task; takes any model spec."""
