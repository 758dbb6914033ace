"""Roadmap, stubs, overlay, grading, hints and progress: works on source text and never imports torch."""
