"""What a stranger gets: an sdist and a wheel that hold what they should, and clear words when the build cannot work."""

import importlib.metadata
import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import physlite

pytestmark = pytest.mark.checkout

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# The environment's own cmake and ninja come first.
TOOLS = {**os.environ, "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])}


def run(*command, **options):
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=TOOLS, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def sources(*folders):
    """Files of the tree, as paths from its root, without what is made from them."""
    made = {".so", ".pyc"}
    found = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in found if path.suffix not in made}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", folder, ROOT)
    (file,) = folder.iterdir()
    return file


@pytest.mark.slow
def test_sdist_holds_what_a_build_and_the_tests_need(sdist):
    stem = f"physlite-{physlite.__version__}"
    assert sdist.name == f"{stem}.tar.gz"
    with tarfile.open(sdist) as archive:
        files = {member.name.removeprefix(f"{stem}/"): member.size for member in archive if member.isfile()}

    wanted = {"CMakeLists.txt", "LICENSE", "Makefile", "PKG-INFO", "README.md", "pyproject.toml"}
    assert wanted | sources("cmake", "src", "tests", "tools") <= files.keys()

    rubbish = {name for name in files if name.startswith((".", "build/", "out/")) or name.endswith((".so", ".pyc"))}
    assert rubbish <= {".clang-format", ".gitignore"}
    assert max(files.values()) < 3_000_000
    assert sdist.stat().st_size < 5_000_000


@pytest.mark.slow
def test_wheel_from_the_sdist_holds_the_package_and_nothing_else(sdist, tmp_path):
    run("tar", "-xzf", sdist, "-C", tmp_path)
    run(
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--outdir",
        tmp_path / "wheel",
        tmp_path / sdist.name[: -len(".tar.gz")],
    )
    (wheel,) = (tmp_path / "wheel").iterdir()

    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        archive.extractall(tmp_path / "installed")
    package = {name.removeprefix("src/") for name in sources("src/physlite")}
    assert names == package | {f"physlite/_core{sysconfig.get_config_var('EXT_SUFFIX')}"}

    # Without `site`, so that this environment's own installation of physlite is not found.
    code = "import physlite, physlite._core; print(physlite.__file__)"
    path = os.pathsep.join([str(tmp_path / "installed"), sysconfig.get_path("platlib"), sysconfig.get_path("purelib")])
    where = subprocess.run(
        [sys.executable, "-S", "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert Path(where.stdout.strip()).is_relative_to(tmp_path)


def test_installed_version_is_that_of_the_source():
    assert importlib.metadata.version("physlite") == physlite.__version__


def test_every_requirement_has_a_floor():
    project, groups = PYPROJECT["project"], PYPROJECT["dependency-groups"]
    lists = [PYPROJECT["build-system"]["requires"], project["dependencies"], *groups.values()]
    lists += project["optional-dependencies"].values()
    requirements = [Requirement(entry) for entries in lists for entry in entries if isinstance(entry, str)]
    loose = {
        r.name for r in requirements if r.name != "physlite" and not {"~=", ">="} & {s.operator for s in r.specifier}
    }
    assert loose == set()


def test_development_builds_use_the_requirements_of_the_build():
    assert set(PYPROJECT["build-system"]["requires"]) <= set(PYPROJECT["dependency-groups"]["build"])


def configure(tmp_path, *options):
    command = ["cmake", "-G", "Ninja", "-S", ROOT, "-B", tmp_path, f"-DPython_EXECUTABLE={sys.executable}", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=TOOLS)


def test_build_without_the_system_libraries_names_the_packages_to_install(tmp_path):
    nowhere = [f"-DCMAKE_FIND_ROOT_PATH={tmp_path}"]
    nowhere += [f"-DCMAKE_FIND_ROOT_PATH_MODE_{what}=ONLY" for what in ("INCLUDE", "LIBRARY")]
    result = configure(tmp_path, *nowhere)
    assert result.returncode != 0
    said = " ".join(result.stderr.split())
    assert "apt-get install libdeflate-dev libzstd-dev liblz4-dev liblzma-dev libxxhash-dev" in said
    assert "dnf install libdeflate-devel libzstd-devel lz4-devel xz-devel xxhash-devel" in said
    assert "conda install -c conda-forge libdeflate zstd lz4-c liblzma-devel xxhash" in said


@pytest.mark.parametrize("missing", ["PHYSLITE_lz4_LIBRARY", "PHYSLITE_lz4_INCLUDE"])
def test_build_without_one_library_or_its_headers_names_it_alone(tmp_path, missing):
    result = configure(tmp_path, f"-D{missing}=")
    assert result.returncode != 0
    said = " ".join(result.stderr.split())
    assert "apt-get install liblz4-dev Fedora" in said
    assert "dnf install lz4-devel conda-forge" in said
    assert "conda install -c conda-forge lz4-c Homebrew" in said
