"""Names of requests are UUIDs that nothing else has."""

import uuid

from gateway.ids import new_id


def test_a_name_is_a_uuid_of_version_4():
    made = uuid.UUID(new_id())
    assert (made.version, made.variant) == (4, uuid.RFC_4122)


def test_no_two_are_the_same():
    assert len({new_id() for _ in range(1_000)}) == 1_000
