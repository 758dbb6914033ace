"""Sounds: any WAV file to an array, another rate, log-mel spectrograms."""
