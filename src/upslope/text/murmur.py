"""MurmurHash3, 32 bits: a fast hash that spreads what differs little far apart.

A. Appleby, "MurmurHash3", 2011, https://github.com/aappleby/smhasher. It keeps no secrets: who wants two texts to
collide will find them.
"""

_MASK = 0xFFFFFFFF


def murmur3(content: bytes, *, seed: int = 0) -> int:
    """The hash of some bytes, from -2^31 to 2^31 - 1: murmur3(b"foo") is -156908512."""
    h = seed
    whole = len(content) // 4 * 4
    for start in range(0, whole, 4):
        h ^= _mixed(int.from_bytes(content[start : start + 4], "little"))
        h = (_rotated(h, 13) * 5 + 0xE6546B64) & _MASK
    # The one to three bytes that are left.
    h ^= _mixed(int.from_bytes(content[whole:], "little"))
    h ^= len(content)
    # Every bit of the block changes every bit of the hash.
    h = ((h ^ h >> 16) * 0x85EBCA6B) & _MASK
    h = ((h ^ h >> 13) * 0xC2B2AE35) & _MASK
    h ^= h >> 16
    return h - 2**32 if h >= 2**31 else h


def _mixed(k: int) -> int:
    return (_rotated((k * 0xCC9E2D51) & _MASK, 15) * 0x1B873593) & _MASK


def _rotated(x: int, bits: int) -> int:
    return ((x << bits) | (x >> (32 - bits))) & _MASK
