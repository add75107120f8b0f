"""Ids that requests name and answers make."""

import json

import pytest

from gateway.errors import CallerRefused
from gateway.resources import at_our_address, described, ids_made, ids_named, is_open, may_name


def named(**fields):
    return ids_named(json.dumps({"model": "claude-opus-5", **fields}).encode())


def said(*blocks):
    return [{"role": "user", "content": list(blocks)}]


def test_a_file_in_a_document_is_named():
    block = {"type": "document", "source": {"type": "file", "file_id": "file_011abc"}}
    assert named(messages=said(block)) == {"file_011abc"}


@pytest.mark.parametrize("container", ["container_1", {"id": "container_1"}])
def test_a_container_is_named(container):
    assert named(container=container) == {"container_1"}


def test_skills_of_ones_own_are_named_and_anthropics_are_not():
    skills = [{"type": "custom", "skill_id": "skill_1"}, {"type": "anthropic", "skill_id": "pptx"}]
    assert named(container={"skills": skills}) == {"skill_1"}


def test_a_key_spelled_with_escapes_is_still_read():
    body = b'{"messages":[{"content":[{"source":{"\\u0066ile_id":"\\u0066ile_1"}}]}]}'
    assert ids_named(body) == {"file_1"}


@pytest.mark.parametrize("text", ["file_1", '"file_id": "file_1"', "my container container_1"])
def test_what_somebody_merely_says_is_not_named(text):
    assert named(messages=said({"type": "text", "text": text})) == set()


def test_talk_about_files_and_containers_is_not_even_read():
    talk = {"type": "text", "text": 'read file_path in the container; {"file_id": "file_1"} é'}
    body = json.dumps({"model": "m", "messages": said(talk)}).encode()
    assert not may_name(body)


@pytest.mark.parametrize("body", [b"", b"file_1", b'{"file_id": "file_1"', b"[" * 100_000 + b"file_"])
def test_what_is_no_json_names_nothing(body):
    assert ids_named(body) == set()


def test_what_a_tool_is_called_with_names_nothing():
    call = {
        "type": "tool_use",
        "id": "toolu_1",
        "name": "open",
        "input": {"file_id": "file_42", "container": "container_1"},
    }
    assert named(messages=said(call)) == set()


def test_a_tools_schema_names_nothing():
    schema = {"type": "object", "properties": {"x": {"const": "x", "file_id": "file_1"}}}
    assert named(tools=[{"name": "open", "input_schema": schema}]) == set()


def test_the_files_of_an_earlier_output_are_an_echo():
    output = {"type": "bash_code_execution_output", "file_id": "file_made"}
    result = {"type": "bash_code_execution_tool_result", "content": {"content": [output]}}
    assert named(messages=said(result)) == set()


def test_each_request_of_a_batch_is_read():
    source = {"type": "file", "file_id": "file_2"}
    params = [{"container": "container_1"}, {"messages": said({"type": "document", "source": source})}]
    body = json.dumps({"requests": [{"custom_id": "x", "params": one} for one in params]}).encode()
    assert ids_named(body) == {"container_1", "file_2"}


def test_a_body_that_could_be_read_in_two_ways_is_refused():
    with pytest.raises(CallerRefused, match="same key twice"):
        ids_named(b'{"source":{"file_id":"file_theirs","file_id":"file_mine"}}')


def test_the_container_of_an_answer_is_seen_and_a_tools_argument_is_none():
    call = {"type": "tool_use", "input": {"container": {"id": "container_fake"}}}
    answer = {"type": "message", "content": [call], "container": {"id": "container_9"}}
    assert list(ids_made(answer)) == [("container", "container_9")]
    assert list(ids_made({"type": "message", "container": None})) == []


def test_the_files_of_an_output_are_seen_and_those_of_a_tools_argument_are_not():
    output = {"type": "code_execution_output", "file_id": "file_1"}
    call = {"type": "tool_use", "input": {"type": "code_execution_output", "file_id": "file_theirs"}}
    assert list(ids_made({"content": [call, {"type": "x", "content": {"content": [output]}}]})) == [("file", "file_1")]


def test_results_lead_to_us_and_nothing_else_changes():
    body = b'{"id": "msgbatch_1", "results_url": "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results"}'
    ours = at_our_address(body, base_url="https://pool.example.com")
    assert ours == body.replace(b"https://api.anthropic.com", b"https://pool.example.com")
    assert at_our_address(b'{"results_url": null}', base_url="https://x") == b'{"results_url": null}'


def test_only_an_object_with_an_id_describes_a_resource():
    assert described(b'{"id": "file_1"}') == {"id": "file_1"}
    assert [described(body) for body in (b"[]", b"{}", b"x", b'{"id": 5}')] == [{}] * 4


def test_a_batch_is_open_until_it_has_ended():
    assert is_open({"type": "message_batch", "processing_status": "in_progress"})
    assert not is_open({"type": "message_batch", "processing_status": "ended"})
    assert not is_open({"type": "file"})
