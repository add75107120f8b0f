"""What is read out of a document, and when an answer is the promised one."""

import pytest

from tests.deployment.document import Command, File, keeps, part
from tests.deployment.repository import ROOT

DOCUMENT = """
```console
$ not followed
```
<!-- followed: one -->
```console
$ cat > /etc/x <<END
> A=1
> END
$ do it
first …
second
```
```ini
# /etc/y.conf
[A]
```
```sh
ls
```
<!-- end -->
<!-- followed: empty -->
<!-- end -->
"""


def test_commands_files_and_answers_come_in_order():
    assert part(DOCUMENT, "one") == [
        Command("cat > /etc/x <<END\nA=1\nEND"),
        Command("do it", "first …\nsecond"),
        File("/etc/y.conf", "# /etc/y.conf\n[A]\n"),
    ]


@pytest.mark.parametrize("name", ["empty", "unknown"])
def test_a_part_without_steps_is_an_error_and_not_a_success(name):
    with pytest.raises(LookupError):
        part(DOCUMENT, name)


@pytest.mark.parametrize(
    ("answer", "output"),
    [
        ("", ""),
        ("…", ""),
        ("…", "whatever\ncomes\n"),
        ('{"a": "…"}', '{"a": "b"}\n'),
        ("✓ one   …\n…\n✓ last", "✓ one   x\n\nbetween\n✓ last \n\n"),
    ],
)
def test_an_answer_is_kept(answer, output):
    assert keeps(answer, output)


@pytest.mark.parametrize(
    ("answer", "output"),
    [
        ("", "warning\n"),
        ("✓ one", "✗ one"),
        ("one", "one\ntwo"),
        ("one\ntwo", "one"),
        ("a.c", "abc"),
        ("one …", "two x"),
    ],
)
def test_an_answer_is_not_kept(answer, output):
    assert not keeps(answer, output)


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("first deployment", "deploy.md"),
        ("proof", "deploy.md"),
        ("new version", "deploy.md"),
        ("going back", "rollback.md"),
        ("forward again", "rollback.md"),
    ],
)
def test_the_documents_have_what_the_followers_follow(name, document):
    assert any(isinstance(step, Command) for step in part((ROOT / "docs" / document).read_text(), name))
