"""With an iterator that looks one symbol ahead."""


def merge(symbols, pair, merged):
    out, held = [], []
    for symbol in symbols:
        if held and (held[0], symbol) == pair:
            out.append(merged)
            held = []
            continue
        out += held
        held = [symbol]
    return out + held
