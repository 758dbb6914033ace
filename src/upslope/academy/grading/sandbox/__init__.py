"""What a learner's code may not do: kernel layers where there are any, and an audit hook with words for a person."""
