"""Ids that requests name and answers make."""

import json

import pytest

from gateway.resources import _may_name, at_our_address, container_made, described, ids_named, is_open


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
    assert not _may_name(body)


@pytest.mark.parametrize("body", [b"", b"file_1", b'{"file_id": "file_1"', b"[" * 100_000 + b"file_"])
def test_what_is_no_json_names_nothing(body):
    assert ids_named(body) == set()


def test_the_container_of_an_answer_is_seen():
    body = b'{"type": "message", "container": {"expires_at": "2026-12-01T00:00:00Z", "id": "container_9"}}'
    assert container_made(body) == "container_9"
    assert container_made(b'{"container": null}') == ""


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
