"""Pictures: any file to an array, and an array to what a network was trained to look at."""
