"""The verbs of somebody who writes lessons, checks and labs."""
