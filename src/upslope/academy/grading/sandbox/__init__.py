"""What a learner's code may not do: kernel sandboxes where there are any, and an audit hook that explains itself."""
