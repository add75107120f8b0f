"""What a batch's results say was used."""

import json
from datetime import date

import pytest

from gateway.batches.results import Results
from quota.pricing import price
from quota.records import TokenUsage

DAY = date(2026, 11, 28)
SONNET = "claude-sonnet-5-5"
OPUS = "claude-opus-5-5"


def succeeded(model=SONNET, tokens=(10, 5), **usage):
    said = {"input_tokens": tokens[0], "output_tokens": tokens[1], **usage}
    return json.dumps({"custom_id": "a", "result": {"type": "succeeded", "message": {"model": model, "usage": said}}})


def read(*lines, size=None, end="\n"):
    results = Results(on=DAY)
    data = ("\n".join(lines) + end).encode()
    for at in range(0, len(data), size or len(data)):
        results.feed(data[at : at + (size or len(data))])
    results.end()
    return results


@pytest.mark.parametrize("size", [1, 7, None])
@pytest.mark.parametrize("end", ["\n", ""])
def test_answers_add_up_however_the_bytes_come(size, end):
    (part,) = read(succeeded(), succeeded(tokens=(1, 2)), size=size, end=end).parts
    assert (part.model, part.answers) == (SONNET, 2)
    assert part.usage == TokenUsage(input_tokens=11, output_tokens=7)


def test_they_cost_half():
    (part,) = read(succeeded(tokens=(1_000, 1_000))).parts
    direct = price(model=SONNET, usage=part.usage, on=DAY)
    assert (part.cost_nano * 2, part.known) == (direct.nano, True)


def test_each_model_is_a_part_of_its_own():
    parts = read(succeeded(SONNET), succeeded(OPUS), succeeded(SONNET)).parts
    assert [(part.model, part.answers) for part in parts] == [(OPUS, 1), (SONNET, 2)]


@pytest.mark.parametrize("type_", ["errored", "canceled", "expired"])
def test_what_did_not_succeed_costs_nothing(type_):
    results = read(json.dumps({"custom_id": "a", "result": {"type": type_}}))
    assert (results.parts, results.unreadable) == ((), 0)


def test_a_model_without_a_price_is_charged_and_said_so():
    (part,) = read(succeeded("claude-unheard-of-9")).parts
    assert part.cost_nano > 0
    assert not part.known


@pytest.mark.parametrize("line", ["{", "[]", '{"result": 5}', '{"result": {"type": "succeeded"}}'])
def test_a_line_that_makes_no_sense_is_counted_and_the_rest_is_read(line):
    results = read(line, succeeded())
    assert (results.unreadable, results.parts[0].answers) == (1, 1)
