"""The verbs that train and look at what was trained: labs and runs."""
