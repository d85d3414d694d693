"""The container file: its steps as they stand there, but for those that need a container."""

import os
import platform
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.checkout

ROOT = Path(__file__).parents[2]
VALUES = yaml.safe_load((ROOT / "deploy" / "values.yaml").read_text())


def steps():
    """The instructions of the file, each with what follows it."""
    text = (ROOT / "deploy" / "Containerfile").read_text()
    lines = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line]


def run(*command, **options):
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_what_is_copied_is_in_the_repository():
    copied = [what.split()[0] for step, what in steps() if step == "COPY" and not what.startswith("--from")]
    assert [path for path in copied if not (ROOT / path).exists()] == []


@pytest.mark.slow
def test_packages_of_the_system_exist():
    """On a system as that of the image, and where it knows what there is to install."""
    if platform.freedesktop_os_release().get("VERSION_CODENAME") != "bookworm":
        pytest.skip("not Debian 12")
    if not any(Path("/var/lib/apt/lists").glob("*_Packages*")):
        pytest.skip("no list of packages: `apt-get update` brings it")
    names = [
        name
        for _, what in steps()
        for names in re.findall(r"--no-install-recommends +(.*?) +&&", what)
        for name in names.split()
    ]
    assert len(names) > 10
    run("apt-cache", "show", *names)


def test_the_user_is_that_of_the_hub():
    """Who the hub's chart starts notebooks as, in the home that it mounts, unless it is told otherwise."""
    instructions = dict(steps())
    assert not {"uid", "fsGid", "cmd"} & VALUES["jupyterhub"]["singleuser"].keys()
    assert (instructions["USER"], instructions["WORKDIR"]) == ("1000:100", "/home/jovyan")


COMMANDS = [
    "python -c 'import physlite; print(physlite.events(physlite.sample()).Electrons.pt)'",
    "python -c 'import physlite.auth, physlite.storage.rucio, physlite.widgets'",
    "python -c 'import coffea, gcsfs, hist, mplhep, s3fs, XRootD'",
    "python -c 'import bokeh, dask_gateway, distributed'",
    "dask scheduler --help",
    "dask worker --help",
    "jupyter lab --version",
    "jupyterhub-singleuser --version",
    "physlite --help",
    "rucio --version",
]


@pytest.mark.slow
def test_what_is_installed_from_the_commit_runs(tmp_path):
    run("git", "archive", "--output", tmp_path / "src.tar", "HEAD", cwd=ROOT)
    (tmp_path / "src").mkdir()
    run("tar", "-xf", tmp_path / "src.tar", "-C", tmp_path / "src")
    quick = os.environ | {"PIP_NO_COMPILE": "1"}  # what is not imported here need not be compiled
    places = {"/opt/physlite": f"{tmp_path}/env", "/src": f"{tmp_path}/src", "python3": sys.executable}
    ran = 0
    for step, what in steps():
        if step == "RUN" and re.search(r"-m venv|/pip ", what):
            words = [re.sub("|".join(places), lambda found: places[found[0]], word) for word in shlex.split(what)]
            run(*words, env=quick)
            ran += 1
    assert ran == 3
    for command in COMMANDS:
        program, *arguments = shlex.split(command)
        run(tmp_path / "env" / "bin" / program, *arguments)
