import asyncio

from notifications.mailbox import Mailbox
from tests.notifications.fakes import settle


async def test_letters_come_out_in_order() -> None:
    mailbox = Mailbox(capacity=3)
    for number in range(3):
        mailbox.put({"number": number})
    assert [(await mailbox.take())[1]["number"] for _ in range(3)] == [0, 1, 2]


async def test_a_full_mailbox_throws_away_the_oldest_and_says_how_many() -> None:
    mailbox = Mailbox(capacity=2)
    for number in range(5):
        mailbox.put({"number": number})
    assert await mailbox.take() == (3, {"number": 3})
    assert await mailbox.take() == (0, {"number": 4})


async def test_an_empty_mailbox_waits_for_the_next_letter() -> None:
    mailbox = Mailbox(capacity=2)
    taking = asyncio.create_task(mailbox.take())
    await settle()
    assert not taking.done()
    mailbox.put({"number": 1})
    assert await taking == (0, {"number": 1})
