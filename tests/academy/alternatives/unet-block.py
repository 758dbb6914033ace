"""The middle by `narrow`, a side at a time; then both are written into maps made for them."""


def unet_block(x, across, *, upsample, convolutions):
    below = upsample(x)
    there, wanted = (" x ".join(map(str, maps.shape[2:])) for maps in (across, below))
    for axis in (2, 3):
        surplus = across.shape[axis] - below.shape[axis]
        if surplus < 0:
            raise ValueError(f"{there} places come across, and {wanted} are needed")
        across = across.narrow(axis, surplus // 2, below.shape[axis])
    known = across.shape[1]
    both = below.new_empty(below.shape[0], known + below.shape[1], *below.shape[2:])
    both[:, :known] = across
    both[:, known:] = below
    return convolutions(both)
