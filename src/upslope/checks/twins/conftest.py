"""Collected where Keras is asked to run on PyTorch: these checks would decide for the whole process (tests/twins)."""

import os

collect_ignore_glob = [] if os.environ.get("KERAS_BACKEND") == "torch" else ["test_*.py"]
