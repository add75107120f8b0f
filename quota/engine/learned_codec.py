"""What was learned of Anthropic's limits, as it travels to and from the scripts (see `lua/learned.lua`)."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from quota.engine.learned import Learned, Level, Total
from quota.engine.said import Dimension, Said

_DIMENSIONS: Final = tuple(Dimension)
_NUMBER: Final = {dimension: number for number, dimension in enumerate(_DIMENSIONS, start=1)}
_ENTRY: Final = struct.Struct(">IQQQ")
_LENGTH: Final = 4
_BUCKETS: Final = 8
"""Where the first bucket stands in a record."""
_pack = msgspec.msgpack.encode
_unpack = msgspec.msgpack.decode


def said_part(said: Said) -> bytes:
    """What an answer told, for the settlement."""
    parts: list[str | int] = [said.group, said.after_ms, said.input_tokens, said.output_tokens]
    for bucket in said.buckets:
        parts += (_NUMBER[bucket.dimension], bucket.limit, bucket.remaining, bucket.window_ms)
    return _pack(parts)


def read_learned(flat: Sequence[bytes]) -> Mapping[str, Learned]:
    """`flat`: key, record, key, …"""
    return {flat[i].decode(): _read_record(flat[i + 1]) for i in range(0, len(flat), 2)}


def _read_record(raw: bytes) -> Learned:
    seconds_end = _LENGTH + int.from_bytes(raw[:_LENGTH])
    record = _unpack(raw[seconds_end:])
    return Learned(
        at_ms=record[0],
        anchor_ms=record[1],
        flying=record[2],
        output=record[3],
        share=record[4],
        total=Total(*record[5:8]),
        levels=dict(_read_levels(record[_BUCKETS:])),
        seconds={second: Total(*total) for second, *total in _ENTRY.iter_unpack(raw[_LENGTH:seconds_end])},
    )


def _read_levels(flat: Sequence[Any]) -> list[tuple[Dimension, Level]]:
    levels = (Level(*flat[3 * place : 3 * place + 3]) for place in range(len(_DIMENSIONS)))
    return [(dimension, level) for dimension, level in zip(_DIMENSIONS, levels, strict=True) if level.limit]
