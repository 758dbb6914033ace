"""Detecting, and surviving, changes that a learner's code makes to the program that grades it."""
