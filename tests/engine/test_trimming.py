"""What reaches Redis is what a script needs, and only that."""

from quota.engine.scripts import scripts
from quota.engine.trimming import trim

TEXT = """\
local word = 'used(unused)'
local function unused() return word end
local function leaf(x)
  return x.leaf
end
local function used() return leaf(word) end
return used()
"""


def test_functions_that_nothing_reaches_are_left_out() -> None:
    assert "unused =" not in trim(TEXT)


def test_functions_call_each_other_as_fields_of_one_table() -> None:
    assert "used = function() return F.leaf(word) end" in trim(TEXT)


def test_texts_and_fields_of_the_same_name_stay_as_they_are() -> None:
    trimmed = trim(TEXT)
    assert "'used(unused)'" in trimmed
    assert "return x.leaf" in trimmed


def test_a_script_without_functions_stays_as_it_is() -> None:
    assert trim("return 1\n") == "return 1\n"


def test_no_function_of_the_scripts_that_ship_is_left_outside_the_table() -> None:
    assert not [name for name, script in scripts().items() if "\nlocal function " in script.text]
