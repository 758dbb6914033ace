"""One file, one data set: card, load(split) and a toy; loading/ holds what they share."""
