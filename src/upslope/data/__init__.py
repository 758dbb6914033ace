"""One file, one data set: a card with typed features, load(split) and a toy; loading/ has the readers."""
