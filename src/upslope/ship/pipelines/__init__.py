"""One file, one task in use: reading any input, preprocessing as in training, predicting, drawing, JSON."""
