"""What a bill costs, in whole nano-dollars, split by the kind of token."""

from dataclasses import dataclass

from simulator.catalogue import MODELS, WEB_SEARCH_NANO, Model, Prices
from simulator.reply import Bill


@dataclass(frozen=True, slots=True)
class Cost:
    """Nano-dollars per kind."""

    input: int
    output: int
    write_5m: int
    write_1h: int
    read: int
    web_search: int

    @property
    def total(self) -> int:
        """All kinds together."""
        return self.input + self.output + self.write_5m + self.write_1h + self.read + self.web_search

    def by_kind(self) -> tuple[tuple[str, int], ...]:
        """Give the kinds as the reports name them, those that cost something."""
        kinds = (
            ("uncached_input_tokens", self.input),
            ("output_tokens", self.output),
            ("cache_creation.ephemeral_5m_input_tokens", self.write_5m),
            ("cache_creation.ephemeral_1h_input_tokens", self.write_1h),
            ("cache_read_input_tokens", self.read),
            ("web_search", self.web_search),
        )
        return tuple(kind for kind in kinds if kind[1])


def _prices(model: Model, bill: Bill) -> Prices:
    if bill.speed == "fast" and model.fast_prices:
        return model.fast_prices
    if model.long_from is not None and model.long_prices and bill.prompt_tokens > model.long_from:
        return model.long_prices
    return model.prices


def _adjusted(nano: int, bill: Bill) -> int:
    """Apply the batch discount and the surcharge for inference in one country, without fractions."""
    if bill.geo == "us":
        nano = nano * 11 // 10
    return nano // 2 if bill.batch else nano


def cost_of(bill: Bill) -> Cost:
    """Price a bill by the catalogue."""
    prices = _prices(MODELS[bill.model], bill)
    return Cost(
        input=_adjusted(bill.input_tokens * prices.input, bill),
        output=_adjusted(bill.output_tokens * prices.output, bill),
        write_5m=_adjusted(bill.cache_write_5m_tokens * prices.write_5m, bill),
        write_1h=_adjusted(bill.cache_write_1h_tokens * prices.write_1h, bill),
        read=_adjusted(bill.cache_read_tokens * prices.read, bill),
        web_search=bill.web_searches * WEB_SEARCH_NANO,
    )
