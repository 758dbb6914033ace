"""One file, one task in use: any input read, prepared as in training, answered, drawn, said as JSON."""
