"""The arithmetic of convolutional networks: sizes, receptive fields, parameters, multiply-adds."""
