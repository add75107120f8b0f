"""The API's description, for programs and for people."""

import re
import warnings

import pytest
from django.contrib.staticfiles import finders
from drf_spectacular.drainage import GENERATOR_STATS

from tests.rest import callers


@pytest.fixture
def schema(viewer):
    return viewer.get("/api/schema/").json()


def test_the_description_is_made_without_a_warning(viewer, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert viewer.get("/api/schema").status_code == 200
    assert not GENERATOR_STATS
    assert "Warning" not in capsys.readouterr().err


def test_every_operation_says_what_can_go_wrong(schema):
    assert schema["openapi"].startswith("3.1")
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                wanted = {"401", "403", "405", "406", "429", "503"} | ({"404"} if "{" in path else set())
                assert wanted < set(operation["responses"]), (method, path)
                assert operation["summary"], (method, path)


def test_every_error_is_described_in_its_one_shape(schema):
    for methods in schema["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if status >= "400":
                    said = answer["content"]["application/json"]["schema"]
                    assert said == {"$ref": "#/components/schemas/Error"}


def test_a_key_is_described_as_something_that_only_comes_in(schema):
    assert "api_key" in schema["components"]["schemas"]["AccountNewRequest"]["properties"]
    assert "api_key" not in schema["components"]["schemas"]["AccountShown"]["properties"]


def test_the_page_for_people_takes_everything_from_this_server(viewer):
    page = viewer.get("/api/docs/", Accept="text/html")
    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.content.decode())
    assert len(addresses) >= 4
    assert all(address.startswith("/") and not address.startswith("//") for address in addresses)
    assert "<script>" not in page.content.decode()
    assert "script-src 'self'" in page["Content-Security-Policy"]


def test_what_the_page_takes_is_there(viewer):
    page = viewer.get("/api/docs/", Accept="text/html").content.decode()
    files = re.findall(r'(?:src|href)="/static/([^"]+)"', page)
    assert len(files) >= 4
    assert all(finders.find(file) for file in files)


def test_the_script_of_the_page_names_no_other_host(viewer):
    script = viewer.get("/api/docs/?script=", Accept="*/*")
    assert script["Content-Type"].startswith("application/javascript")
    assert not re.search(r"https?://", script.content.decode())


def test_a_browser_without_a_session_is_led_to_the_log_in():
    answer = callers.nobody().get("/api/docs/", Accept="text/html")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/?next=/api/docs/")


def test_a_program_without_a_key_is_told_so():
    answer = callers.nobody().get("/api/docs/", Accept="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")
