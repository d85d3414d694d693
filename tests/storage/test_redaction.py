"""What is shown of URLs, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite.storage.redaction import redacted, redacted_url, short_name, without_signature


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/a/b.root", "https://h/a/b.root"),
        ("https://h/b.root?X-Amz-Signature=SECRET#SECRET", "https://h/b.root?…"),
        ("https://user:p@SECRET@h:80/b.root", "https://h:80/b.root"),
        ("http://h/o'neil/b.root?sig=SECRET", "http://h/o'neil/b.root?…"),
        ("http://h/b.root?a='SECRET SECRET\"SECRET", "http://h/b.root?…"),
        ("root://cache//root://me:SECRET@origin//b.root.1?authz=SECRET", "root://cache//root://origin//b.root.1?…"),
        ("s3://bucket/a@b.root", "s3://bucket/a@b.root"),
    ],
)
def test_urls(url, shown):
    assert redacted_url(url) == shown
    assert "SECRET" not in redacted_url(url)


def test_texts():
    text = "first https://u:SECRET@h/x?SECRET, then <root://c//root://o//p?authz=SECRET> and 'gs://b/n?SECRET'"
    assert redacted(text) == "first https://h/x?… then <root://c//root://o//p?…> and 'gs://b/n?…'"


@given(st.text(max_size=50), st.text(st.characters(exclude_characters="SECRT"), max_size=50))
def test_what_is_in_a_query_is_never_shown(path, query):
    assert "SECRET" not in redacted_url(f"https://host/{path.replace('SECRET', '')}?{query}SECRET{query}")


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("rucio://mc20:DAOD.1", "DAOD.1"),
        ("https://h/a/b.root?…", "b.root"),
        ("a/b.root", "b.root"),
        ("root://h//a/", "a"),
    ],
)
def test_short_names(name, short):
    assert short_name(name) == short


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://me:SECRET@h/b.root?X-Amz-Signature=SECRET&X-Amz-Date=1&file=3#SECRET", "https://h/b.root?file=3"),
        ("https://h/b.root?Expires=1&Signature=SECRET&Key-Pair-Id=K&Policy=SECRET", "https://h/b.root"),
        ("https://h/b.root?temp_url_sig=SECRET&temp_url_expires=1&version=2", "https://h/b.root?version=2"),
        ("https://h/b.root?sv=2&sig=SECRET&se=3&sp=r&sr=b&skoid=1&st=0&part=1", "https://h/b.root?part=1"),
        ("https://h/b.root?sv=2&sig=SECRET&ss=b&srt=o&saoid=1&sdd=1", "https://h/b.root"),
        ("https://h/b.root?st=1&sp=2&sv=3", "https://h/b.root?st=1&sp=2&sv=3"),
        ("https://h/b.root?sig=1&st=2", "https://h/b.root?sig=1&st=2"),
        ("https://h/b.root", "https://h/b.root"),
    ],
)
def test_signatures(url, bare):
    assert without_signature(url) == bare
