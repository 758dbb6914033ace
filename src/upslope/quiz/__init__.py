"""Questions made at random, with their working and the mistakes that wrong answers show."""
