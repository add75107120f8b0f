"""A pool's keys live together: on one node of a cluster, apart from every other pool's."""

from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from quota.engine.keys import events_key, pool_keys, session_key
from quota.engine.stream import stream_key

names = st.text(st.characters(blacklist_categories=("Cc", "Cs"), blacklist_characters="{}"), min_size=1, max_size=40)


@given(names, names)
def test_all_keys_of_a_pool_are_in_one_hash_slot(pool: str, session: str) -> None:
    keys = (*pool_keys(pool), session_key(pool, session), events_key(pool).encode())
    assert len({key_slot(key) for key in keys}) == 1


@given(names, names)
def test_two_pools_share_no_key(one: str, other: str) -> None:
    if one != other:
        assert not set(pool_keys(one)) & set(pool_keys(other))


@given(names, st.text(max_size=20))
def test_no_session_can_be_named_like_one_of_the_pools_keys(pool: str, session: str) -> None:
    assert session_key(pool, session) not in pool_keys(pool)


def test_the_stream_is_one_of_the_keys_the_scripts_write() -> None:
    assert stream_key("p").encode() == pool_keys("p")[12]
