from typing import Any

from notifications.live.board import Board, Picture


def picture(serving: int = 1, **accounts: int) -> Picture:
    return Picture({"serving": serving}, {name: {"id": name, "in_flight": count} for name, count in accounts.items()})


def shown(*pictures: Picture) -> Board:
    board = Board()
    for one in pictures:
        board.show(one)
    return board


def names(told: dict[str, Any]) -> list[str]:
    return [account["id"] for account in told["accounts"]]


def test_the_first_look_shows_everything() -> None:
    told = shown(picture(alpha=0, bravo=0)).since(0)
    assert (told["full"], names(told), told["pool"]) == (True, ["alpha", "bravo"], {"serving": 1})


def test_later_looks_show_what_changed() -> None:
    board = shown(picture(alpha=0, bravo=0), picture(alpha=0, bravo=1))
    told = board.since(1)
    assert (told["full"], names(told)) == (False, ["bravo"])


def test_who_looks_seldom_sees_the_latest_of_each_once() -> None:
    board = shown(picture(alpha=0, bravo=0), picture(alpha=1, bravo=0), picture(alpha=2, bravo=1))
    assert board.since(1)["accounts"] == [{"id": "alpha", "in_flight": 2}, {"id": "bravo", "in_flight": 1}]


def test_the_same_again_is_no_news() -> None:
    board = shown(picture(alpha=0))
    assert not board.show(picture(alpha=0))
    assert board.version == 1


def test_an_empty_pool_is_news_once() -> None:
    assert shown(picture()).version == 1


def test_what_the_pool_is_like_is_news_without_its_accounts() -> None:
    board = shown(picture(serving=1, alpha=0), picture(serving=0, alpha=0))
    assert (board.since(1)["accounts"], board.since(1)["pool"]) == ([], {"serving": 0})


def test_a_deleted_account_is_named_to_those_who_knew_it() -> None:
    board = shown(picture(alpha=0, bravo=0), picture(alpha=0))
    assert (board.since(1)["gone"], board.since(0)["gone"], board.since(2)["gone"]) == (["bravo"], [], [])


def test_an_account_that_is_back_is_not_gone() -> None:
    board = shown(picture(alpha=0, bravo=0), picture(alpha=0), picture(alpha=0, bravo=0))
    assert (board.since(1)["gone"], names(board.since(1))) == ([], ["bravo"])


def test_a_version_of_another_life_gets_everything() -> None:
    assert shown(picture(alpha=0)).since(99)["full"]


def test_one_account_may_be_all_that_is_wanted() -> None:
    assert names(shown(picture(alpha=0, bravo=0)).since(0, only="bravo")) == ["bravo"]
