"""Input and output of the command line: options, formats, errors as sentences, exit codes."""
