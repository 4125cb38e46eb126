"""Small country databases in the MaxMind format (https://maxmind.github.io/MaxMind-DB/), built from networks."""

import ipaddress

MAP, TEXT, UINT16, UINT32, UINT64, ARRAY = 7, 2, 5, 6, 9, 11


def country_database(networks: dict[str, object], *, ip_version: int, built: int = 1_750_000_000) -> bytes:
    """A file whose networks have the given records; the tree has 24-bit records."""
    bits = 32 if ip_version == 4 else 128
    nodes: list[list[int | tuple[str, int] | None]] = [[None, None]]
    data, offsets = b"", {}
    for text, record in networks.items():
        network = ipaddress.ip_network(text)
        key = repr(record)
        if key not in offsets:
            offsets[key] = len(data)
            data += _encoded(record)
        number, node = int(network.network_address), 0
        for depth in range(network.prefixlen):
            side = number >> (bits - 1 - depth) & 1
            if depth == network.prefixlen - 1:
                nodes[node][side] = ("data", offsets[key])
            elif not isinstance(nodes[node][side], int):
                nodes.append([None, None])
                nodes[node][side] = len(nodes) - 1
                node = len(nodes) - 1
            else:
                node = nodes[node][side]
    tree = b"".join(_record(side, len(nodes)) for node in nodes for side in node)
    metadata = {
        "node_count": ("uint32", len(nodes)),
        "record_size": ("uint16", 24),
        "ip_version": ("uint16", ip_version),
        "database_type": "sample-country",
        "languages": [],
        "binary_format_major_version": ("uint16", 2),
        "binary_format_minor_version": ("uint16", 0),
        "build_epoch": ("uint64", built),
        "description": {},
    }
    return tree + b"\0" * 16 + data + b"\xab\xcd\xefMaxMind.com" + _encoded(metadata)


def _record(side: int | tuple[str, int] | None, count: int) -> bytes:
    # An empty record is the number of nodes; data lies behind the tree and 16 zero bytes.
    value = count if side is None else side if isinstance(side, int) else count + 16 + side[1]
    return value.to_bytes(3, "big")


def _encoded(value: object) -> bytes:
    match value:
        case dict():
            return _head(MAP, len(value)) + b"".join(_encoded(key) + _encoded(item) for key, item in value.items())
        case list():
            return _head(ARRAY, len(value)) + b"".join(_encoded(item) for item in value)
        case str():
            return _head(TEXT, len(value.encode())) + value.encode()
        case (kind, int(number)):
            raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
            return _head({"uint16": UINT16, "uint32": UINT32, "uint64": UINT64}[kind], len(raw)) + raw
        case _:
            raise TypeError(type(value))


def _head(kind: int, size: int) -> bytes:
    long = bytes([size]) if size < 29 else bytes([29, size - 29])
    if kind < 8:
        return bytes([kind << 5 | long[0]]) + long[1:]
    return bytes([long[0], kind - 7]) + long[1:]
