"""Learning limits from answers keeps five accounts of three organizations below one throttled call in a hundred."""

import pytest

from benchmarks.learning.blocking import BlockingConnection
from benchmarks.learning.load import Outcome, Plan, measure
from benchmarks.learning.scene import SCENES, Scene
from quota.engine.memory import MemoryEngine
from quota.engine.redis import RedisEngine

SHORT = Plan(learning=60.0, measured=60.0)


def on_the_scripts(scene: Scene, redis_url: str, *, learning: bool) -> Outcome:
    connection = BlockingConnection(redis_url)
    connection.forget_everything()
    return measure(scene, SHORT, learning=learning, make_engine=lambda clock: RedisEngine(connection, clock=clock))


def test_without_learning_anthropic_throttles_often(redis_url: str) -> None:
    assert on_the_scripts(SCENES[0], redis_url, learning=False).share > 0.05


def test_once_learned_less_than_one_call_in_a_hundred_is_throttled(redis_url: str) -> None:
    outcome = on_the_scripts(SCENES[0], redis_url, learning=True)
    assert outcome.share < 0.01
    assert outcome.use > 0.9


@pytest.mark.parametrize("scene", SCENES[3:], ids=lambda scene: scene.name)
def test_the_same_holds_for_tokens(scene: Scene) -> None:
    outcome = measure(scene, SHORT, learning=True, make_engine=lambda clock: MemoryEngine(clock=clock))
    assert outcome.share < 0.01
    assert outcome.use > 0.85
