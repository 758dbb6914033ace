"""Where PyTorch is not installed, the checks of what is written in it are not collected."""

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["test_*.py", "*/test_*.py"]
