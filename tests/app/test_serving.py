"""Who reaches the page, and what is said where it cannot be served."""

import importlib.util

import pytest
from command_line import run

from har.app.guards import MAX_EVENT_BYTES, has_address
from har.app.serving import check_password, is_own, knows_password

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is served there


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("::1", True),
        (EVERYWHERE, False),
        ("::", False),
        ("192.168.1.5", False),
        ("localhost.elsewhere.org", False),
        ("", False),
    ],
)
def test_is_own_of_addresses(host, expected):
    assert is_own(host) is expected


def test_others_need_a_password():
    check_password("127.0.0.1", None)
    check_password(EVERYWHERE, "correct horse")
    with pytest.raises(ValueError, match=r"At 0\.0\.0\.0 other computers .* HAR_APP_PASSWORD"):
        check_password(EVERYWHERE, None)
    for host in ("127.0.0.1", EVERYWHERE):
        with pytest.raises(ValueError, match="The password has 5 characters; expected 8 or more"):
            check_password(host, "short")
    with pytest.raises(ValueError, match="The password has 0 characters"):
        check_password(EVERYWHERE, "")


def test_knows_password_by_any_name():
    assert knows_password("gänsefüßchen", "anybody", "gänsefüßchen")
    assert not knows_password("gänsefüßchen", "anybody", "gansefusschen")
    assert not knows_password("password", "password", "")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", False),
        (b'{"data": ["https://is a label", null, 3]}', False),
        (b'{"data": [{"path": "/tmp/a.mp4", "url": "http://127.0.0.1/file=/tmp/a.mp4"}]}', False),
        (b'{"data": [{"path": "http://elsewhere/a.mp4"}]}', True),
        (b'{"data": [[{"a": {"path": "HTTPS://elsewhere"}}]]}', True),
        (b'{"path": "file:///etc/passwd"}', True),
        (b"no json", True),
        (b"[" * MAX_EVENT_BYTES, True),
    ],
)
def test_has_address_of_what_browsers_say(body, expected):
    assert has_address(body) is expected


@pytest.fixture
def without_gradio(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "gradio" else find(name)
    )


def test_app_says_how_gradio_is_installed(project, without_gradio, capsys):
    code, out, err = run("app", capsys=capsys)
    assert (code, out) == (1, "")
    assert "The page needs Gradio" in err
    assert "`make app`" in err
