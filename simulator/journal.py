"""The journal: every request as it was answered, a line of JSON each; what a load test counts from outside."""

import json
from typing import TextIO

from simulator.billing import cost_of
from simulator.parties import Exchange
from simulator.reply import Bill


class Journal:
    """Written to a text file that whoever opened it closes."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, exchange: Exchange, bill: Bill | None, *, until: float) -> None:
        """Add a line. `until` is when the answer's last byte left; tokens and cost are what was billed for it."""
        line = {
            **exchange.summary,
            "until": until,
            "tokens": bill.total_tokens if bill else 0,
            "cost_nano": cost_of(bill).total if bill else 0,
            "body": exchange.body.decode(errors="replace"),
        }
        self._file.write(json.dumps(line) + "\n")
