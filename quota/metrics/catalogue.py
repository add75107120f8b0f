"""Every metric there is: its name, its kind, its labels, and what it says. Pure.

Labels are bounded: pools and accounts are rows of the database, all other values are words of ours.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """`name` is what a query says; a histogram's series add `_bucket`, `_sum` and `_count`."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds, in seconds; the last one, infinity, is understood."""


_ANSWER: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_WAIT: Final = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_ROUND_TRIP: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)

REQUESTS: Final = Metric(
    "nubabel_requests_total",
    Kind.COUNTER,
    "Requests that ended, by how: completed, or the error the caller was told or that the upstream's answer meant.",
    ("pool", "outcome"),
)
DURATION: Final = Metric(
    "nubabel_request_duration_seconds",
    Kind.HISTOGRAM,
    "From the arrival of a request to its end, waiting and all attempts included.",
    ("pool",),
    _ANSWER,
)
FIRST_BYTE: Final = Metric(
    "nubabel_time_to_first_byte_seconds",
    Kind.HISTOGRAM,
    "From the arrival of a request to the first content of the answer it got.",
    ("pool",),
    _ANSWER,
)
WAIT: Final = Metric(
    "nubabel_wait_seconds",
    Kind.HISTOGRAM,
    "From the arrival of a request to its first call, or to its end if there was none: the queue and the lease.",
    ("pool",),
    _WAIT,
)
ATTEMPTS: Final = Metric(
    "nubabel_attempts_total",
    Kind.COUNTER,
    "Calls to Anthropic that ended, by outcome; expired: nobody settled it in time, its estimate is charged.",
    ("pool", "account", "outcome"),
)
FAILOVERS: Final = Metric(
    "nubabel_failovers_total", Kind.COUNTER, "Times a request went on to another account.", ("pool",)
)
REFUSED: Final = Metric(
    "nubabel_refused_at_the_door_total",
    Kind.COUNTER,
    "Requests to /v1 refused before a pool was asked, by HTTP status.",
    ("status",),
)
SLACK: Final = Metric(
    "nubabel_slack_messages_total",
    Kind.COUNTER,
    "Messages to Slack: delivered, lost (given up), refused (switched off), dropped (too many).",
    ("result",),
)
REDIS_LATENCY: Final = Metric(
    "nubabel_redis_latency_seconds",
    Kind.HISTOGRAM,
    "One round trip to Redis, measured by every process every few seconds.",
    (),
    _ROUND_TRIP,
)
COST: Final = Metric("nubabel_cost_dollars_total", Kind.COUNTER, "US dollars charged.", ("pool", "account"))
TOKENS: Final = Metric(
    "nubabel_tokens_total",
    Kind.COUNTER,
    "Tokens by kind, as billed; estimated: charged by estimate, without a report.",
    ("pool", "account", "kind"),
)
CALLS: Final = Metric(
    "nubabel_calls_charged_total", Kind.COUNTER, "Calls sent, as the ledger charged them.", ("pool", "account")
)
UNPRICED: Final = Metric(
    "nubabel_calls_unpriced_total", Kind.COUNTER, "Calls whose model no price list knows.", ("pool", "account")
)
UNCOUNTED_TOKENS: Final = Metric(
    "nubabel_uncounted_tokens",
    Kind.GAUGE,
    "Tokens of the month's final days that Anthropic counted and we did not; below zero, we counted more.",
    ("pool", "account"),
)
UNCOUNTED_COST: Final = Metric(
    "nubabel_uncounted_dollars", Kind.GAUGE, "The same in US dollars, where Anthropic tells them.", ("pool", "account")
)
ADMIN_API_AGE: Final = Metric(
    "nubabel_admin_api_age_seconds",
    Kind.GAUGE,
    "Since an organization's Admin API last answered in full.",
    ("organization",),
)
BREAKER: Final = Metric(
    "nubabel_breaker_state",
    Kind.GAUGE,
    "1 for the state the account's breaker is in; forced_open and forced_closed are people's doing.",
    ("pool", "account", "state"),
)
BREAKER_FAILURES: Final = Metric("nubabel_breaker_failures", Kind.GAUGE, "Failures in a row.", ("pool", "account"))
ENABLED: Final = Metric("nubabel_account_enabled", Kind.GAUGE, "1 if it may serve at all.", ("pool", "account"))
HOLDS: Final = Metric("nubabel_account_holds", Kind.GAUGE, "Cool-downs in force.", ("pool", "account"))
LOAD: Final = Metric(
    "nubabel_account_load_ratio", Kind.GAUGE, "Its fullest limit, used and reserved; 1 is full.", ("pool", "account")
)
IN_FLIGHT: Final = Metric("nubabel_account_in_flight", Kind.GAUGE, "Calls under way.", ("pool", "account"))
_LIMIT_LABELS: Final = ("pool", "account", "metric", "window")
LIMIT: Final = Metric("nubabel_limit", Kind.GAUGE, "A limit: requests, tokens or US dollars per window.", _LIMIT_LABELS)
LIMIT_USED: Final = Metric("nubabel_limit_used", Kind.GAUGE, "How much of it is used.", _LIMIT_LABELS)
LIMIT_RESERVED: Final = Metric(
    "nubabel_limit_reserved", Kind.GAUGE, "How much of it calls under way hold.", _LIMIT_LABELS
)
LEASES: Final = Metric("nubabel_leases", Kind.GAUGE, "Leases in force.", ("pool",))
WAITING: Final = Metric("nubabel_requests_waiting", Kind.GAUGE, "Requests in the queue, in all processes.", ("pool",))
LAG_ENTRIES: Final = Metric(
    "nubabel_ledger_lag_entries", Kind.GAUGE, "Stream entries that the ledger has not acknowledged.", ("pool",)
)
LAG_SECONDS: Final = Metric("nubabel_ledger_lag_seconds", Kind.GAUGE, "Age of the oldest of those.", ("pool",))
SET_ASIDE: Final = Metric("nubabel_set_aside_entries", Kind.GAUGE, "Stream entries nobody could read.")
PROCESSES: Final = Metric("nubabel_processes", Kind.GAUGE, "Processes that reported lately.", ("role",))
UP: Final = Metric("nubabel_up", Kind.GAUGE, "1 if this store answered the scrape.", ("store",))
POOL_LOADED: Final = Metric("nubabel_pool_loaded", Kind.GAUGE, "1 if the engine holds the pool.", ("pool",))

ALL: Final = (
    *(REQUESTS, DURATION, FIRST_BYTE, WAIT, ATTEMPTS, FAILOVERS, REFUSED, SLACK, REDIS_LATENCY),
    *(COST, TOKENS, CALLS, UNPRICED, UNCOUNTED_TOKENS, UNCOUNTED_COST, ADMIN_API_AGE),
    *(BREAKER, BREAKER_FAILURES, ENABLED, HOLDS, LOAD, IN_FLIGHT, LIMIT, LIMIT_USED, LIMIT_RESERVED),
    *(LEASES, WAITING, LAG_ENTRIES, LAG_SECONDS, SET_ASIDE, PROCESSES, UP, POOL_LOADED),
)
BY_NAME: Final = {metric.name: metric for metric in ALL}
