"""The home page: the guide, the steps and the runs as live pages on this computer."""
