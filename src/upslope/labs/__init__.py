"""One file, one training run: Config, run() and a card with the target; folders by domain."""
