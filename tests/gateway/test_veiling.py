"""An upstream that says the key again is not believed to have meant well."""

from accounts.credentials import Secret
from gateway.responses import Saved
from gateway.veiling import veiled

KEY = Secret("sk-ant-api03-" + "k" * 80)


def test_the_key_is_taken_out_of_body_and_headers() -> None:
    said = KEY.reveal()
    saved = Saved(400, (("x-echo", said), ("request-id", "req_1")), f'{{"message": "bad {said}, {said}"}}'.encode())
    assert veiled(saved, KEY) == Saved(400, (("request-id", "req_1"),), '{"message": "bad …, …"}'.encode())


def test_an_ordinary_error_stays_as_it_is() -> None:
    saved = Saved(400, (("request-id", "req_1"),), b'{"message": "max_tokens: too large"}')
    assert veiled(saved, KEY) == saved
