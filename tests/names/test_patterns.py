"""Regular expressions of users, within a time limit."""

import pytest

from har.dataset.subjects import subject_from_name
from har.names import patterns
from har.names.patterns import PatternError, compile_pattern, search


def test_search_stops_a_pattern_that_takes_too_long(monkeypatch):
    monkeypatch.setattr(patterns, "MAX_SECONDS", 0.1)
    with pytest.raises(ValueError, match=r"cannot be used: it takes more than 0\.1 s on 'aaaa"):
        subject_from_name("a" * 60 + "!.mov", r"^(a|aa)+$")


def test_search_ends_on_nested_repeats():
    assert search(r"^(a+)+$", "a" * 60 + "!") is None


@pytest.mark.parametrize("pattern", ["(", "(?P<a", "x" * 2000])
def test_compile_pattern_refuses_what_is_none(pattern):
    with pytest.raises(PatternError):
        compile_pattern(pattern)
