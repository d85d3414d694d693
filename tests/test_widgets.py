"""Forms for notebooks, as a kernel has them: without a browser, but told what a browser tells."""

import asyncio
import base64
import json
import sys
from datetime import UTC, datetime, timedelta

import pytest
from ipywidgets import Widget
from ipywidgets.embed import embed_data

import physlite.widgets
from physlite.auth import use_proxy
from physlite.exceptions import TransferError
from physlite.widgets import ProxyUpload
from support import proxies
from support.proxies import IDENTITY
from support.secrets import has_key, leaks_of


@pytest.fixture
def content():
    """A proxy that is valid for twelve hours from now."""
    return proxies.voms_proxy()


@pytest.fixture(autouse=True)
def own_places(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    for name in ("X509_USER_PROXY", "RUCIO_CLIENT_PROXY"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    yield
    Widget.close_all()


def upload(form, content, name="x509up_u1000"):
    """What the front end of Jupyter does when a file is chosen: it sends the button's new value."""
    button, _ = form.children
    file = {"name": name, "type": "", "size": len(content), "last_modified": 1_700_000_000_000}
    button.set_state({"value": [{**file, "content": memoryview(content)}]})


def shown(form):
    return form.children[1].value


def test_a_proxy_is_shown_and_kept(content):
    form = ProxyUpload()
    assert (form.proxy, shown(form)) == (None, "")
    upload(form, content)
    assert (form.proxy.identity, form.proxy.name) == (IDENTITY, "x509up_u1000")
    assert f"<td style='text-align: left'>{IDENTITY}</td>" in shown(form)
    assert "/atlas/de/Role=production/Capability=NULL" in shown(form)
    assert "11:59:" in shown(form)


def test_it_is_handed_on(tmp_path, content):
    form = ProxyUpload(on_proxy=use_proxy)
    upload(form, content)
    assert (tmp_path / "run" / "physlite" / "x509up").read_bytes() == content


def saved(form):
    """What a notebook saves of all widgets, binary parts as they are."""
    states = [*embed_data([form])["manager_state"]["state"].values(), *Widget.get_manager_state()["state"].values()]
    binary = [base64.b64decode(buffer["data"]) for state in states for buffer in state.get("buffers", ())]
    return b"".join([json.dumps(states).encode(), *binary])


def test_what_was_uploaded_is_in_no_state_that_a_notebook_saves(content):
    leaks = leaks_of(content)
    form = ProxyUpload()
    upload(form, content)
    assert IDENTITY.encode() in saved(form)
    assert not has_key(saved(form), leaks)
    assert not has_key(repr(form) + repr(form.children), leaks)
    assert form.children[0].value == ()


def test_what_is_not_forgotten_would_be_found(content):
    """A form that keeps what was uploaded is saved with it."""
    form = ProxyUpload()
    form.children[0].unobserve_all()
    upload(form, content)
    assert has_key(saved(form), leaks_of(content))


def test_errors_are_shown_in_place():
    form = ProxyUpload(on_proxy=lambda _: pytest.fail("there is none"))
    upload(form, b"<b>not a proxy</b>", name="<i>page.html")
    assert "&lt;i&gt;page.html: has no certificate in PEM, no proxy; make a new one with" in shown(form)
    assert form.proxy is None
    upload(form, proxies.proxy(begins=-2, hours=-1).pem())
    assert "x509up_u1000: the proxy expired at 20" in shown(form)
    assert form.children[0].value == ()


def test_errors_of_who_it_is_handed_to(content):
    def connect(_):
        raise TransferError("https://rucio.example.org cannot be reached")

    form = ProxyUpload(on_proxy=connect)
    upload(form, content)
    assert ">https://rucio.example.org cannot be reached<" in shown(form)
    assert form.proxy.identity == IDENTITY


def test_a_second_one_replaces_the_first(content):
    seen = []
    form = ProxyUpload(on_proxy=seen.append)
    upload(form, content)
    upload(form, b"")
    upload(form, proxies.proxy(hours=24).pem())
    assert [proxy.vo for proxy in seen] == ["atlas", None]
    assert form.proxy is seen[1]
    assert "23:59:" in shown(form)


def test_the_time_left_runs(monkeypatch, content):
    monkeypatch.setattr(physlite.widgets, "_REFRESH", 0.01)

    async def watch():
        changes = asyncio.Queue()
        form = ProxyUpload()
        form.children[1].observe(lambda change: changes.put_nowait(change["new"]), "value")
        upload(form, content)
        first, second = [await asyncio.wait_for(changes.get(), 30) for _ in range(2)]
        object.__setattr__(form.proxy, "expires", datetime.now(UTC) - timedelta(seconds=1))
        while "expired at" not in (last := await asyncio.wait_for(changes.get(), 30)):
            pass
        return first, second, last

    first, second, last = asyncio.run(watch())
    assert "11:59:" in first
    assert "11:59:" in second
    assert first != second
    assert "voms-proxy-init" in last


def test_a_closed_form_has_no_clock(monkeypatch, content):
    monkeypatch.setattr(physlite.widgets, "_REFRESH", 0.0)

    async def look():
        form = ProxyUpload()
        upload(form, content)
        shown_before = shown(form)
        form.close()
        object.__setattr__(form.proxy, "expires", datetime.now(UTC))
        for _ in range(10):
            await asyncio.sleep(0)  # lets the loop run what is due
        return shown_before, shown(form)

    before, after = asyncio.run(look())
    assert before == after


def test_without_ipywidgets(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    monkeypatch.delitem(sys.modules, "physlite.widgets")
    with pytest.raises(ImportError, match=r"pip install 'physlite\[notebook\]'"):
        physlite.__getattr__("widgets")
