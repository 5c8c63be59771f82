"""Files as damage and malice make them: bytes changed, cut and repeated, odd numbers and words."""

import numpy as np

NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
WORDS = [
    b"\0",
    b'"',
    b"'",
    b",",
    b":",
    b"[",
    b"{",
    b"}",
    b"\n",
    b"\r",
    b"\t",
    b"-",
    b"null",
    b"nan",
]
WORDS += [b"-1", b"0", b"1e999", b"\xff", b"\xef\xbb\xbf", b"&a", b"*a"]
WORDS += [b"!!python/name:os.system", b"../../etc/passwd", b"%s{0}"]
WORDS += [b"\xf0\x9f\x98\x80", b"=1+1", b"9" * 400, b"[" * 2000]
MAX_CHANGES = 8


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """Return a content with one to eight changes at random places."""
    for _ in range(rng.integers(1, MAX_CHANGES + 1)):
        content = CHANGES[rng.integers(len(CHANGES))](content, rng)
    return content


def _place(content: bytes, rng: np.random.Generator) -> int:
    return int(rng.integers(len(content) + 1))


def _flip(content: bytes, rng: np.random.Generator) -> bytes:
    place = _place(content, rng)
    changed = bytes(byte ^ (1 << rng.integers(8)) for byte in content[place : place + 1])
    return content[:place] + changed + content[place + 1 :]


def _cut_end(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: _place(content, rng)]


def _cut_out(content: bytes, rng: np.random.Generator) -> bytes:
    place = _place(content, rng)
    return content[:place] + content[place + rng.integers(64) :]


def _repeat(content: bytes, rng: np.random.Generator) -> bytes:
    place = _place(content, rng)
    part = content[place : place + rng.integers(1, 256)]
    return content[:place] + part * rng.integers(2, 4) + content[place:]


def _number(content: bytes, rng: np.random.Generator) -> bytes:
    place, size = _place(content, rng), int(rng.choice([1, 2, 4, 8]))
    number = NUMBERS[rng.integers(len(NUMBERS))] % 256**size
    written = number.to_bytes(size, ["little", "big"][rng.integers(2)])
    return content[:place] + written + content[place + size :]


def _word(content: bytes, rng: np.random.Generator) -> bytes:
    place = _place(content, rng)
    return content[:place] + WORDS[rng.integers(len(WORDS))] + content[place:]


def _zeros(content: bytes, rng: np.random.Generator) -> bytes:
    place, size = _place(content, rng), int(rng.integers(1, 512))
    return content[:place] + bytes(size) + content[place + size :]


# Cuts are rarer, since little is left after them.
CHANGES = (_flip, _flip, _number, _number, _word, _zeros, _cut_out, _repeat, _cut_end)
