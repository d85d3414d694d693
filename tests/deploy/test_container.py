"""The container file: its steps as they stand there, but for those that need a container."""

import re
import shlex
import shutil
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


def test_packages_of_the_system_are_those_of_this_one():
    if shutil.which("apt-cache") is None:
        pytest.skip("not a Debian")
    (build, final) = [
        re.search(r"--no-install-recommends +(.*?) +&&", what)[1].split() for step, what in steps() if "apt-get" in what
    ]
    for package in {*build, *final}:
        assert f"Package: {package}" in run("apt-cache", "show", package)


def test_the_user_is_that_of_the_hub():
    """Who the hub's chart starts notebooks as, in the home that it mounts, unless it is told otherwise."""
    instructions = dict(steps())
    assert not {"uid", "fsGid", "cmd"} & VALUES["jupyterhub"]["singleuser"].keys()
    assert (instructions["USER"], instructions["WORKDIR"]) == ("1000:100", "/home/jovyan")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An environment, made by the steps with pip, from what is committed."""
    folder = tmp_path_factory.mktemp("container")
    (folder / "src").mkdir()
    archive = folder / "src.tar"
    run("git", "archive", "--output", archive, "HEAD", cwd=ROOT)
    run("tar", "-xf", archive, "-C", folder / "src")
    places = {"/opt/physlite": str(folder / "env"), "/src": str(folder / "src"), "python3 ": f"{sys.executable} "}
    for step, what in steps():
        if step == "RUN" and re.search(r"-m venv|/pip ", what):
            for place, here in places.items():
                what = what.replace(place, here)  # noqa: PLW2901  # as it is run here
            run(*shlex.split(what))
    return folder / "env" / "bin"


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "python -c 'import physlite; print(len(physlite.events(physlite.sample())))'",
        "python -c 'import physlite.auth, physlite.widgets, physlite.storage.rucio, coffea, hist, mplhep, XRootD, gcsfs'",
        "python -c 'import bokeh, dask_gateway, distributed'",
        "physlite --help",
        "jupyter lab --version",
        "jupyterhub-singleuser --version",
        "dask scheduler --help",
        "dask worker --help",
        "rucio --version",
    ],
)
def test_installed(installed, command):
    program, *arguments = shlex.split(command)
    assert run(installed / program, *arguments)
