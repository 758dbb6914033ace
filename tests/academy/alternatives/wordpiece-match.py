"""By recursion over the rest of the word."""


def longest_match(word, vocab, *, unknown="[UNK]"):
    def cut(rest, mark):
        if not rest:
            return []
        for size in range(len(rest), 0, -1):
            if mark + rest[:size] in vocab:
                behind = cut(rest[size:], "##")
                return None if behind is None else [mark + rest[:size], *behind]
        return None

    pieces = cut(word, "")
    return [unknown] if pieces is None else pieces
