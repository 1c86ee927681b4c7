"""Kafka's record batches (format v2) written by hand: also those that no producer sends."""
import struct
import zlib

import pyarrow

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")  # by the number in `attributes`
GIB, MIB = 1 << 30, 1 << 20


def _crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc32c_table()


def crc32c(data):
    state = 0xFFFFFFFF
    for byte in data:
        state = state >> 8 ^ _TABLE[(state ^ byte) & 255]
    return state ^ 0xFFFFFFFF


def varint(number):
    """Zigzag, as in protobuf."""
    return unsigned(number << 1 if number >= 0 else (-number << 1) - 1)


def unsigned(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def _head(delta, key, value_size):
    """All of a record up to its value; behind the value comes one byte, the number of headers."""
    inner = b"\0" + varint(0) + varint(delta) + varint(len(key)) + key + varint(value_size)
    return varint(len(inner) + value_size + 1) + inner


def record(delta, key, value):
    return _head(delta, key, len(value)) + value + b"\0"


def zeros(size):
    """One record whose value is `size` zero bytes, in pieces: never all of it in memory."""
    yield _head(0, b"k", size)
    for at in range(0, size, MIB):
        yield bytes(min(MIB, size - at))
    yield b"\0"


def batch(base, count, payload, attributes=0, stamp=1736899200000):
    """A whole batch of the offsets [base, base + count), its CRC right."""
    body = struct.pack(">hiqqqhii", attributes, count - 1, stamp, stamp, -1, -1, -1, count) + payload
    return struct.pack(">qiibI", base, len(body) + 9, 0, 2, crc32c(body)) + body


def plain(base, values, codec="none"):
    records = (record(i, b"k", value) for i, value in enumerate(values))
    return batch(base, len(values), compress(codec, records), CODECS.index(codec))


# ---- codecs ----

def compress(codec, pieces):
    if codec == "none":
        return b"".join(pieces)
    if codec == "snappy":
        return pyarrow.Codec("snappy").compress(b"".join(pieces), asbytes=True)
    if codec == "gzip":
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        return b"".join(map(packer.compress, pieces)) + packer.flush()
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, codec) as out:
        for piece in pieces:
            out.write(piece)
    return sink.getvalue().to_pybytes()


def snappy_claim(size):
    """Says that it is `size` bytes long, and holds one."""
    return unsigned(size) + b"\0\0"


def snappy_java(chunks):
    return b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1) + b"".join(struct.pack(">i", len(c)) + c for c in chunks)


def zstd_zeros(size):
    """A frame that says its size and keeps its word: blocks of one byte repeated, 32,000 to 1."""
    blocks, block = size >> 17, (1 << 17) << 3 | 1 << 1
    body = b"".join((block | (i == blocks - 1)).to_bytes(3, "little") + b"\0" for i in range(blocks))
    return b"\x28\xb5\x2f\xfd\xc0\x70" + struct.pack("<Q", size) + body


def _xxh32_short(data):
    """XXH32 of less than 16 bytes, seed 0."""
    mask, state = 0xFFFFFFFF, 374761393 + len(data)
    rotate = lambda value, by: (value << by | value >> (32 - by)) & mask
    whole = len(data) // 4 * 4
    for lane, in struct.iter_unpack("<I", data[:whole]):
        state = rotate((state + lane * 3266489917) & mask, 17) * 668265263 & mask
    for byte in data[whole:]:
        state = rotate((state + byte * 374761393) & mask, 11) * 2654435761 & mask
    for shift, prime in ((15, 2246822519), (13, 3266489917), (16, 1)):
        state = (state ^ state >> shift) * prime & mask
    return state


def lz4_claim(size):
    """A frame that says that it is `size` bytes long, and holds five."""
    descriptor = b"\x68\x70" + struct.pack("<Q", size)
    check = _xxh32_short(descriptor) >> 8 & 255
    return b"\x04\x22\x4d\x18" + descriptor + bytes([check]) + struct.pack("<I", 6) + b"\x50" + bytes(5) + bytes(4)
