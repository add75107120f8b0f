"""The models the simulator knows: their group, limits, prices and life.

Prices are whole nano-dollars per token ($1 per million tokens = 1,000), so money is never a float.
"""

from dataclasses import dataclass

from simulator.buckets import Limits
from simulator.times import parse


@dataclass(frozen=True, slots=True)
class Prices:
    """Nano-dollars per token."""

    input: int
    output: int
    write_5m: int
    write_1h: int
    read: int


@dataclass(frozen=True, slots=True)
class Group:
    """Models that share one set of buckets in an organization."""

    id: str
    display_name: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the catalogue. `long_prices` apply when the prompt exceeds `long_from` tokens."""

    id: str
    display_name: str
    line: str
    created_at: str
    group: str
    prices: Prices
    cache_minimum: int = 1024
    long_from: int | None = None
    long_prices: Prices | None = None
    deprecated_at: str | None = None
    retires_at: str | None = None
    max_input_tokens: int = 1_000_000
    max_tokens: int = 128_000
    fast_prices: Prices | None = None


_SCALE = Limits(rpm=10_000, itpm=10_000_000, otpm=2_000_000)
_FABLE = Limits(rpm=4_000, itpm=4_000_000, otpm=800_000)

GROUPS: dict[str, Group] = {
    group.id: group
    for group in (
        Group("claude_fable_5", "Claude Fable 5.x", _FABLE),
        Group("claude_opus_5_5", "Claude Opus 5.5", _SCALE),
        Group("claude_opus_5", "Claude Opus 5", _SCALE),
        Group("claude_opus_4", "Claude Opus 4.x", _SCALE),
        Group("claude_sonnet_5_5", "Claude Sonnet 5.5", _SCALE),
        Group("claude_sonnet_5", "Claude Sonnet 5", _SCALE),
        Group("claude_sonnet_4", "Claude Sonnet 4.x", _SCALE),
        Group("claude_haiku_5_5", "Claude Haiku 5.5", _SCALE),
        Group("claude_haiku_4_5", "Claude Haiku 4.5", _SCALE),
    )
}

_FABLE_5_2 = Prices(8_000, 40_000, 10_000, 16_000, 200)
_FABLE_5_1 = Prices(10_000, 50_000, 12_500, 20_000, 250)
_FABLE_5 = Prices(10_000, 50_000, 12_500, 20_000, 1_000)
_OPUS_5_5 = Prices(4_000, 20_000, 5_000, 8_000, 200)
_OPUS_5_5_FAST = Prices(8_000, 40_000, 10_000, 16_000, 400)
_OPUS = Prices(5_000, 25_000, 6_250, 10_000, 500)
_OPUS_FAST = Prices(10_000, 50_000, 12_500, 20_000, 1_000)
_SONNET_5_5 = Prices(2_000, 10_000, 2_500, 4_000, 100)
_SONNET_5 = Prices(2_000, 10_000, 2_500, 4_000, 200)
_SONNET_4 = Prices(3_000, 15_000, 3_750, 6_000, 300)
_HAIKU_5_5 = Prices(100, 500, 125, 200, 10)
_HAIKU_5_5_LONG = Prices(500, 2_500, 625, 1_000, 50)
_HAIKU_4_5 = Prices(1_000, 5_000, 1_250, 2_000, 100)

MODELS: dict[str, Model] = {
    model.id: model
    for model in (
        Model("claude-fable-5-2", "Claude Fable 5.2", "fable", "2026-11-09", "claude_fable_5", _FABLE_5_2, 512),
        Model("claude-mythos-5-2", "Claude Mythos 5.2", "mythos", "2026-11-09", "claude_fable_5", _FABLE_5_2, 512),
        Model(
            "claude-haiku-5-5",
            "Claude Haiku 5.5",
            "haiku",
            "2026-10-07",
            "claude_haiku_5_5",
            _HAIKU_5_5,
            long_from=100_000,
            long_prices=_HAIKU_5_5_LONG,
        ),
        Model("claude-sonnet-5-5", "Claude Sonnet 5.5", "sonnet", "2026-09-29", "claude_sonnet_5_5", _SONNET_5_5),
        Model("claude-fable-5-1", "Claude Fable 5.1", "fable", "2026-09-15", "claude_fable_5", _FABLE_5_1, 512),
        Model("claude-mythos-5-1", "Claude Mythos 5.1", "mythos", "2026-09-15", "claude_fable_5", _FABLE_5_1, 512),
        Model(
            "claude-opus-5-5",
            "Claude Opus 5.5",
            "opus",
            "2026-09-10",
            "claude_opus_5_5",
            _OPUS_5_5,
            fast_prices=_OPUS_5_5_FAST,
        ),
        Model("claude-sonnet-5", "Claude Sonnet 5", "sonnet", "2026-07-14", "claude_sonnet_5", _SONNET_5),
        Model("claude-fable-5", "Claude Fable 5", "fable", "2026-06-30", "claude_fable_5", _FABLE_5, 512),
        Model("claude-mythos-5", "Claude Mythos 5", "mythos", "2026-06-30", "claude_fable_5", _FABLE_5, 512),
        Model(
            "claude-opus-5",
            "Claude Opus 5",
            "opus",
            "2026-06-16",
            "claude_opus_5",
            _OPUS,
            512,
            fast_prices=_OPUS_FAST,
        ),
        Model(
            "claude-opus-4-8",
            "Claude Opus 4.8",
            "opus",
            "2026-05-05",
            "claude_opus_4",
            _OPUS,
            fast_prices=_OPUS_FAST,
        ),
        Model("claude-opus-4-7", "Claude Opus 4.7", "opus", "2026-04-01", "claude_opus_4", _OPUS, 2048),
        Model("claude-opus-4-6", "Claude Opus 4.6", "opus", "2026-02-05", "claude_opus_4", _OPUS, 4096),
        Model("claude-sonnet-4-6", "Claude Sonnet 4.6", "sonnet", "2026-02-17", "claude_sonnet_4", _SONNET_4),
        Model("claude-opus-4-5-20251101", "Claude Opus 4.5", "opus", "2025-11-24", "claude_opus_4", _OPUS, 4096),
        Model(
            "claude-haiku-4-5-20251001",
            "Claude Haiku 4.5",
            "haiku",
            "2025-10-15",
            "claude_haiku_4_5",
            _HAIKU_4_5,
            4096,
            max_input_tokens=200_000,
            max_tokens=64_000,
        ),
        Model(
            "claude-sonnet-4-5-20250929",
            "Claude Sonnet 4.5",
            "sonnet",
            "2025-09-29",
            "claude_sonnet_4",
            _SONNET_4,
            deprecated_at="2026-08-30",
            retires_at="2026-11-30",
            max_tokens=64_000,
        ),
    )
}

ALIASES: dict[str, str] = {
    "claude-opus-4-5": "claude-opus-4-5-20251101",
    "claude-haiku-4-5": "claude-haiku-4-5-20251001",
    "claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
}


def find(model: str) -> Model | None:
    """Look a model up by id or alias."""
    return MODELS.get(model) or MODELS.get(ALIASES.get(model, ""))


def lifecycle(model: Model, now: float) -> str:
    """Give active, deprecated or retired, at an instant in Unix seconds."""
    if model.retires_at and parse(model.retires_at) <= now:
        return "retired"
    return "deprecated" if model.deprecated_at and parse(model.deprecated_at) <= now else "active"


WEB_SEARCH_NANO = 10_000_000  # $10 per 1,000 searches
