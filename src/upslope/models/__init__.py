"""One file, one paper: plain `torch.nn.Module`s with their published sizes, in folders by domain."""
