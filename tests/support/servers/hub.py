"""JupyterHub, and a browser that runs a notebook in it as a person would."""

import json
import os
import re
import sys
import urllib.request
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from support.servers.process import free_port, program, running

_CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_port = {hub}
c.JupyterHub.db_url = "sqlite:///hub.sqlite"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allow_all = True
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r} + "/{{username}}"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = {args!r}
c.Spawner.default_url = "/lab"
c.Spawner.env_keep = {keep!r}
"""
_KEEP = ["PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "JUPYTER_PATH"]
_SIZE = {"width": 1280, "height": 1400}  # of the window
_SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},  # it would ask
    "notebook-extension/tracker": {"windowingMode": "none"},  # cells that are out of sight are there, too
}
# Cells that wait or run have a star in place of a number; after one that fails, the others are left out.
_HAS_RUN = """() => {
    const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].map(prompt => prompt.innerText);
    return prompts.some(text => /\\d/.test(text)) && !prompts.some(text => text.includes("*"));
}"""


class Hub(NamedTuple):
    """Where it serves, and how one gets in.

    Attributes:
        url: of its front page.
        password: of all users.
        homes: folder with the homes of its users.
        log: what it and their servers say.
    """

    url: str
    password: str
    homes: Path
    log: Path


@contextmanager
def jupyterhub(folder, *, config=""):
    """A hub that starts a JupyterLab for each user, as a process of the user who runs the tests.

    Args:
        folder: for its files, and the homes of its users.
        config: further configuration.
    """
    proxy = program("configurable-http-proxy", remedy="make hub")
    ports = {"port": free_port(), "hub": free_port(), "api": free_port()}
    password = os.urandom(16).hex()
    homes = folder / "homes"
    homes.mkdir()
    file = folder / "config.py"
    file.touch(0o600)
    text = _CONFIG.format(
        password=password,
        proxy=proxy,
        homes=str(homes),
        python=sys.executable,
        args=["--allow-root"] if os.geteuid() == 0 else [],
        keep=_KEEP,
        **ports,
    )
    file.write_text(text + config)
    url = f"http://127.0.0.1:{ports['port']}"
    log = folder / "hub.log"
    command = [sys.executable, "-m", "jupyterhub", "--config", str(file)]
    # The proxy runs on `node`, that of this environment.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with running(command, log, ready=lambda: _serves(url), env=os.environ | {"PATH": path}, cwd=folder):
        yield Hub(url, password, homes, log)


class Lab:
    """A notebook that is open in JupyterLab.

    Attributes:
        page: the browser's page.
    """

    def __init__(self, page, copy):
        self.page = page
        self._copy = copy
        self._numbers = {cell["id"]: number for number, cell in enumerate(json.loads(copy.read_text())["cells"])}

    def cell(self, name):
        """The cell with this ID, as something to click on, to look into, and to wait for."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(self._numbers[name])

    def select(self, name):
        """Makes a cell the one that the menu is about."""
        self.cell(name).locator(".jp-InputPrompt").click()

    def run(self, entry):
        """Chooses an entry of the menu `Run`."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{re.escape(entry)}$")).click()

    def wait(self):
        """Waits until no cell runs."""
        self.page.wait_for_function(_HAS_RUN)

    def saved(self):
        """Saves the notebook, and gives its content.

        Raises:
            AssertionError: a cell has failed; the message is what it said.
        """
        self.page.click(".jp-Toolbar [data-jp-item-name=save]")
        self.page.wait_for_selector(".jp-mod-dirty", state="detached")
        saved = json.loads(self._copy.read_text())
        said = [out for cell in saved["cells"] for out in cell.get("outputs", ()) if out["output_type"] == "error"]
        assert not said, "\n".join(f"{out['ename']}: {out['evalue']}" for out in said)
        return saved


@contextmanager
def opened(hub, notebook, picture, *, user="jovyan", seconds=60):
    """A notebook in JupyterLab, as somebody sees it who logs in, when its kernel is ready.

    Args:
        hub: a hub of `jupyterhub`.
        notebook: path of a notebook, which is copied into the user's home, without what its cells gave before.
        picture: path of a PNG that shows the window in the end, also when something failed.
        user: who logs in.
        seconds: until a step that does not end is given up.
    """
    from playwright.sync_api import sync_playwright

    copy = _copied(notebook, hub.homes / user)
    with sync_playwright() as playwright:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]  # which refuses to work for root
        executable = program("chromium", remedy="make hub")
        browser = playwright.chromium.launch(executable_path=executable, args=sandbox)
        page = browser.new_page(viewport=_SIZE)
        page.set_default_timeout(seconds * 1000)
        try:
            _log_in(page, hub, user)
            page.goto(f"{hub.url}/user/{user}/lab/tree/{copy.name}?reset")  # and nothing else
            page.wait_for_selector(".jp-Notebook .jp-CodeCell")
            page.get_by_text(re.compile(r"^Python 3.* \| Idle$")).wait_for()  # what is run before may be forgotten
            yield Lab(page, copy)
        finally:
            page.screenshot(path=picture)
            browser.close()


def run_notebook(hub, notebook, picture, **options):
    """Opens a notebook, as `opened` does, runs all its cells, and gives it as it is saved then.

    Raises:
        AssertionError: a cell failed; the message is what it said.
    """
    with opened(hub, notebook, picture, **options) as lab:
        lab.run("Run All Cells")
        lab.wait()
        return lab.saved()


def _copied(notebook, home):
    content = json.loads(notebook.read_text())
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    for name, values in _SETTINGS.items():
        file = home / f".jupyter/lab/user-settings/@jupyterlab/{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    copy = home / notebook.name
    copy.write_text(json.dumps(content))
    return copy


def _log_in(page, hub, user):
    page.goto(f"{hub.url}/hub/login")
    page.fill("#username_input", user)
    page.fill("#password_input", hub.password)
    page.click("#login_submit")
    page.wait_for_url(f"{hub.url}/user/{user}/lab**")  # by way of a page that waits for the user's server


def _serves(url):
    with suppress(OSError), urllib.request.urlopen(f"{url}/hub/api/", timeout=1) as answer:  # noqa: S310
        return answer.status == HTTPStatus.OK
    return False
