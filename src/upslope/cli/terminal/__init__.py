"""How the command line speaks: options, words, errors as sentences, exit codes."""
