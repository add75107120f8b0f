"""Whether the dashboard's queries give data: what counts as data, as silence that is fine, and as a mistake."""

from collections.abc import Callable

import pytest
from prometheus_client.samples import Sample

from benchmarks.monitoring.checking import NEEDS_MORE, complaint, queries, without_prometheus
from benchmarks.monitoring.exposition import total
from benchmarks.monitoring.expressions import expressions, filled_in, panels, rules
from benchmarks.monitoring.prometheus import Refused, configuration
from quota.metrics.catalogue import BY_NAME

UP, LAG = "nubabel_up", "nubabel_ledger_lag_seconds"


def knowing(*series: str) -> Callable[[str], int]:
    """A Prometheus that has these series, and where no expression but their bare names gives anything."""
    return lambda asked: int(asked in series)


def refusing(asked: str) -> int:
    raise Refused(f"parse error: {asked}")


def test_an_expression_that_gives_data_is_fine():
    assert complaint(UP, knowing(UP)) == ""


def test_a_panel_without_data_is_not():
    assert complaint(f"sum({UP})", knowing(UP)) == "no data"


@pytest.mark.parametrize("expression", [f"{UP} == 0", f"{LAG} > 60", f"absent({UP})"])
def test_what_only_tells_of_trouble_may_be_silent(expression: str):
    assert complaint(expression, knowing(UP, LAG)) == ""


@pytest.mark.parametrize("expression", [f"{UP} == 0", f"absent({UP})"])
def test_but_not_if_what_it_reads_is_missing(expression: str):
    assert complaint(expression, knowing(LAG)) == f"there is no {UP}"


def test_an_expression_that_prometheus_does_not_take_is_a_mistake():
    assert "parse error" in complaint(f"sum({UP}", refusing)


def test_the_first_mistake_is_shown_with_its_expression():
    found = queries("panels", [UP, f"sum({LAG})"], knowing(UP))
    assert (found.holds, found.seen) == (False, f"1 of 2: sum({LAG}): there is no {LAG}")


def test_what_this_pool_has_no_data_for_is_said():
    found = queries("panels", [UP, "sum(nubabel_slack_messages_total)"], knowing(UP))
    assert (found.holds, found.seen) == (True, "1 of 1; 1 have nothing to read here: no Slack")


def test_with_slack_its_panel_must_give_data_like_any_other():
    found = queries("panels", [UP, "sum(nubabel_slack_messages_total)"], knowing(UP, "nubabel_slack_messages_total"))
    assert (found.holds, found.seen) == (False, "1 of 2: sum(nubabel_slack_messages_total): no data")


@pytest.mark.parametrize("series", sorted(NEEDS_MORE))
def test_what_a_pool_may_lack_is_a_metric_of_ours(series: str):
    assert series in BY_NAME


def test_nothing_asked_is_nothing_shown():
    assert not queries("panels", [], knowing(UP)).holds


@pytest.mark.parametrize("expression", expressions())
def test_grafana_s_variables_are_filled_in(expression: str):
    asked = filled_in(expression, rate_interval="30s")
    assert "$" not in asked
    assert "label_values" not in asked


def test_panels_are_what_is_not_a_rule():
    assert len(panels()) + len(rules()) == len(expressions())


@pytest.mark.parametrize(("labels", "holds"), [({"role": "worker"}, True), ({}, False)])
def test_without_prometheus_names_and_labels_are_compared(labels: dict[str, str], *, holds: bool):
    told = [Sample("nubabel_processes", labels, 1.0)]
    assert without_prometheus(told, ['nubabel_processes{role="worker"} == 0']).holds is holds


def test_a_series_is_summed_over_the_labels_that_are_not_named():
    text = '# TYPE nubabel_processes gauge\nnubabel_processes{role="web"} 2\nnubabel_processes{role="worker"} 1\n'
    assert (total(text, "nubabel_processes"), total(text, "nubabel_processes", role="web")) == (3, 2)


def test_prometheus_is_told_the_address_and_where_the_token_is(tmp_path):
    job = configuration("https://pool.example.com", tmp_path / "token")["scrape_configs"][0]
    assert (job["scheme"], job["static_configs"]) == ("https", [{"targets": ["pool.example.com"]}])
    assert job["authorization"]["credentials_file"] == str(tmp_path / "token")
