"""The commands: their options and help. What they do stands in a module each, imported when it is called."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from physlite import __version__
from physlite.cli.wanted import ReadingMode, WantedFile
from physlite.samples import Sample
from physlite.samples import sample as sample_path

__all__ = ["app", "main"]


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        from physlite.cli.errors import reported

        with reported(debug=ctx.params["debug"]):
            return super().invoke(ctx)


# Plain help: it is quick, and reads the same in a pipe.
app = typer.Typer(
    cls=_Commands, rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True
)

_File = Annotated[
    str | None, typer.Argument(metavar="FILE", help="A DAOD_PHYSLITE file: a path or a URL.", show_default=False)
]
_Sample = Annotated[
    Sample | None,
    typer.Option("--sample", help="Instead of a file, the sample that comes with physlite, as a tree or an RNTuple."),
]
_Mode = Annotated[
    ReadingMode,
    typer.Option(
        "--mode", help="Of a remote file, read what is needed, or all of it at once, or decide by what is asked for."
    ),
]
_Cache = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="Keep what is read of remote files in this folder, for the next time.",
        file_okay=False,
        show_default=False,
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def _filter_option(what: str) -> Any:
    return typer.Option(
        "--filter",
        "-f",
        metavar="PATTERN",
        help=f"Only {what} of this name: exact, a glob, or /regular expression/i. Can be given several times.",
    )


def _wanted(file: str | None, chosen: Sample | None, mode: ReadingMode, cache: Path | None) -> WantedFile:
    """The user's file, or the sample."""
    if file is not None and chosen is not None:
        msg = "it is there beside --sample: give one of the two"
        raise typer.BadParameter(msg, param_hint="FILE")
    if chosen is not None:
        return WantedFile(str(sample_path(chosen.value)))
    if file is None:
        msg = "missing: give a file, or --sample tree or --sample rntuple"
        raise typer.BadParameter(msg, param_hint="FILE")
    return WantedFile(file, mode, cache)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"physlite {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Looks into ATLAS DAOD_PHYSLITE files.

    For example:

    \b
        physlite info DAOD_PHYSLITE.pool.root
        physlite show DAOD_PHYSLITE.pool.root --filter 'AnalysisElectrons*'
        physlite demo

    Exit codes: 0 all went well, 1 something is wrong with a file, 2 wrong usage.
    """  # noqa: D301  # \b keeps the lines that follow as they are


@app.command()
def show(
    file: _File = None,
    *,
    filters: Annotated[list[str] | None, _filter_option("columns")] = None,
    sample: _Sample = None,
    mode: _Mode = ReadingMode.RANGES,
    cache: _Cache = None,
    as_json: _Json = False,
) -> None:
    """List the columns of a file: name, type, size.

    For example:

    \b
        physlite show FILE
        physlite show FILE --filter 'AnalysisElectronsAuxDyn.*'
        physlite show FILE --filter '/electrons.*(pt|eta|phi)$/i'
        physlite show FILE --json | jq -r '.columns[] | select(.problem != "") | .name'
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from physlite.cli.show import run

    run(_wanted(file, sample, mode, cache), filters or None, as_json=as_json)


@app.command()
def info(
    file: _File = None,
    *,
    plot: Annotated[
        Path | None, typer.Option(metavar="PICTURE", help="Draw the sizes, as .png, .pdf or .svg.", dir_okay=False)
    ] = None,
    top: Annotated[int, typer.Option(min=0, metavar="N", help="Largest collections and columns to list; 0: all.")] = 20,
    sample: _Sample = None,
    mode: _Mode = ReadingMode.RANGES,
    cache: _Cache = None,
    as_json: _Json = False,
) -> None:
    """Tell what takes how much space in a file.

    For example:

    \b
        physlite info FILE
        physlite info FILE --top 0 | grep Trig
        physlite info FILE --plot sizes.png
        physlite info FILE --json | jq .events
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from physlite.cli.info import run

    run(_wanted(file, sample, mode, cache), plot=plot, top=top, as_json=as_json)


@app.command()
def links(
    file: _File = None,
    *,
    filters: Annotated[list[str] | None, _filter_option("links")] = None,
    sample: _Sample = None,
    mode: _Mode = ReadingMode.RANGES,
    cache: _Cache = None,
    as_json: _Json = False,
) -> None:
    """Tell where the element links of a file lead, and how many of them.

    A line for each container that a field of links leads to. Containers in brackets are not in the file: following such
    a link gives None, as following a null link does.

    For example:

    \b
        physlite links FILE
        physlite links FILE --filter 'Electrons.*'
        physlite links FILE --json | jq '.links[] | select(.out_of_range > 0)'
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from physlite.cli.links import run

    run(_wanted(file, sample, mode, cache), filters or None, as_json=as_json)


@app.command()
def trigger(
    file: _File = None,
    pattern: Annotated[
        str | None,
        typer.Argument(
            metavar="PATTERN",
            help="Only chains of this name: exact, a glob, or /regular expression/i.",
            show_default=False,
        ),
    ] = None,
    *,
    l1: Annotated[bool, typer.Option("--l1", help="Items of the first level (after veto) instead of chains.")] = False,
    sample: _Sample = None,
    mode: _Mode = ReadingMode.RANGES,
    cache: _Cache = None,
    as_json: _Json = False,
) -> None:
    """List the trigger chains: name, prescale, and how many events passed.

    The decisions are those of the HLT (xTrigDecision.efPassedPhysics). The prescale is the chain's own, "off" where it
    was switched off.

    For example:

    \b
        physlite trigger FILE
        physlite trigger FILE 'HLT_e*' | head
        physlite trigger FILE '/^L1_.*EM22/' --l1
        physlite trigger FILE --json | jq -r '.chains[] | select(.passed > 0) | .name'
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from physlite.cli.trigger import run

    if sample is not None and pattern is None:
        file, pattern = None, file  # what stands in place of FILE is the option
    run(_wanted(file, sample, mode, cache), pattern, l1=l1, as_json=as_json)


@app.command()
def ls(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A file, dataset or container, as rucio://scope:name.", show_default=False),
    ],
    *,
    replicas: Annotated[
        bool, typer.Option("--replicas", help="Of a file, where it is, in the order in which it is tried.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """List the files of a dataset in Rucio: size, events, checksum.

    Server and account are those of rucio.cfg and of Rucio's environment variables. rucio:// may be left out, and the
    scope where the name begins with it.

    For example:

    \b
        physlite ls rucio://mc20_13TeV:mc20_13TeV.410470.….DAOD_PHYSLITE.…
        physlite ls data17_13TeV.00327265.physics_Main.….DAOD_PHYSLITE.… --json | jq .events
        physlite ls mc20_13TeV:DAOD_PHYSLITE.….pool.root.1 --replicas
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from physlite.cli.ls import run

    run(name, replicas=replicas, as_json=as_json)


@app.command()
def get(
    url: Annotated[str, typer.Argument(metavar="URL", help="A remote file.", show_default=False)],
    to: Annotated[
        str, typer.Argument(metavar="[DESTINATION]", help="A file or folder; by default here.", show_default=False)
    ] = ".",
    *,
    as_json: _Json = False,
) -> None:
    """Download a file.

    It is there as a whole, or not at all. Where its checksum is known, as for files of Rucio, that is checked.

    For example:

    \b
        physlite get https://example.org/DAOD_PHYSLITE.pool.root
        physlite get 'https://example.org/DAOD_PHYSLITE.pool.root?signature=…' data/
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from physlite.cli.get import run

    run(url, to, as_json=as_json)


@app.command()
def run(
    analysis: Annotated[
        str,
        typer.Argument(
            metavar="FILE:FUNCTION",
            help="A function of events in a Python file or a module, as analysis.py:select.",
            show_default=False,
        ),
    ],
    datasets: Annotated[
        list[str],
        typer.Argument(
            metavar="DATASETS...",
            help="A YAML file of datasets, or files, patterns and URLs, which are one dataset.",
            show_default=False,
        ),
    ],
    *,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes; 0: none but this one. [default: as many as there are cores]")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Of a Dask cluster, as tcp://host:8786, instead of processes.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the result goes, pickled.", dir_okay=False)
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where the report goes: .json, or a picture: .png, .pdf, .svg.", dir_okay=False
        ),
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where finished files are noted while it runs. [default: in the folder for caches]",
            dir_okay=False,
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that ended early.")] = False,
    chunk_size: Annotated[int, typer.Option(min=1, help="Events at a time.")] = 50_000,
    max_bad_files: Annotated[int, typer.Option(min=0, help="Files that may be left out.")] = 0,
) -> None:
    """Run an analysis over datasets, and add up what it returns.

    For example:

    \b
        physlite run analysis.py:select datasets.yaml --out result.pkl
        physlite run analysis.py:select datasets.yaml --workers 2 --resume
        physlite run analysis.py:select 'rucio://mc20_13TeV:…' --scheduler tcp://host:8786
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from physlite.cli.run import Options
    from physlite.cli.run import run as run_analysis

    options = Options(workers, scheduler, out, report, journal, resume, chunk_size, max_bad_files)
    run_analysis(analysis, datasets, options)


@app.command()
def convert(
    files: Annotated[
        list[str], typer.Argument(metavar="FILES", help="DAOD_PHYSLITE files: paths or URLs.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="What is written, as out.parquet or out.root.", show_default=False, dir_okay=False
        ),
    ],
    *,
    filters: Annotated[list[str] | None, _filter_option("columns")] = None,
    collections: Annotated[
        list[str] | None,
        typer.Option(
            "--collection", "-c", metavar="NAME", help="All columns of this collection. Can be given several times."
        ),
    ] = None,
    select: Annotated[
        str | None,
        typer.Option(metavar="FILE:FUNCTION", help="Only events for which a function is true, as skim.py:select."),
    ] = None,
    thin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLLECTION=FILE:FUNCTION",
            help="Only those objects of a collection for which a function is true. Can be given several times.",
        ),
    ] = None,
    output_format: Annotated[
        str | None,
        typer.Option("--format", metavar="NAME", help="parquet, rntuple or flat; by default as the suffix says."),
    ] = None,
    links: Annotated[
        str, typer.Option(metavar="STYLE", help="Links with keys of containers, or resolved: with their names.")
    ] = "keys",
    compression: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="As zstd, zstd-9, lz4 or none; gzip-6 in Parquet only, zlib-1 and lzma-7 in ROOT files only.",
        ),
    ] = "zstd",
    group_entries: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Events that are stored together. [default: some ten MB]")
    ] = None,
    memory: Annotated[
        str, typer.Option(metavar="BYTES", help="What this may take beside the libraries, as 500MB.")
    ] = "1GB",
    as_json: _Json = False,
) -> None:
    """Write events to a file of another format: Parquet, or ROOT with an RNTuple or a flat tree.

    It is there as a whole, or not at all. Functions are called with events, and return one bool for each of them or for
    each object. Links are written anew where objects are left out; sums of weights stay those of all events.

    For example:

    \b
        physlite convert DAOD_PHYSLITE.pool.root out.parquet
        physlite convert FILE1 FILE2 out.parquet -c Electrons -c 'Muons' -f 'EventInfo*'
        physlite convert FILE out.parquet --select skim.py:two_leptons --thin Jets=skim.py:hard_jets
        physlite convert FILE out.root
        physlite convert FILE flat.root --format flat -c Electrons -c EventInfo
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from physlite.cli.convert import Options
    from physlite.cli.convert import run as run_conversion

    options = Options(
        filters or None,
        collections or None,
        select,
        thin or [],
        output_format,
        links,
        compression,
        group_entries,
        memory,
    )
    run_conversion(files, out, options, as_json=as_json)


@app.command()
def demo(
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the picture goes.", file_okay=False)] = Path(
        "physlite-demo"
    ),
    file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A DAOD_PHYSLITE file instead of the sample.", show_default=False),
    ] = None,
    sample: Annotated[
        Sample | None, typer.Option("--sample", help="Which of the samples: the tree unless told otherwise.")
    ] = None,
    mode: _Mode = ReadingMode.RANGES,
    cache: _Cache = None,
    as_json: _Json = False,
) -> None:
    """Find Z bosons in the sample file.

    The sample comes with physlite: a toy simulation, no network needed. The demo selects pairs of electrons and of
    muons, counts the events after each step, and draws the masses. Its analysis is physlite.analysis.dilepton.

    For example:

    \b
        physlite demo
        physlite demo --sample rntuple
        physlite demo --out pictures --file DAOD_PHYSLITE.pool.root
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from physlite.cli.demo import run

    wanted = _wanted(file, sample or (None if file else Sample.TREE), mode, cache)
    run(wanted, out, is_toy=file is None, as_json=as_json)


_proxy = typer.Typer(rich_markup_mode=None, no_args_is_help=True)
app.add_typer(_proxy, name="proxy", help="Look at grid proxies, and put them where programs find them.")


@_proxy.command("info")
def proxy_info(
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="PATH", help="The file of a proxy; by default that of all grid tools.", show_default=False
        ),
    ] = None,
    *,
    as_json: _Json = False,
) -> None:
    """Tell whose a grid proxy is, its VO attributes, and how long it is valid.

    Without PATH it is that in $X509_USER_PROXY, or else in /tmp/x509up_u$UID. The exit code is 1 when there is none, or
    when it is not valid (any more).

    For example:

    \b
        physlite proxy info
        physlite proxy info --json | jq .seconds_left
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from physlite.cli.proxy import info as run

    run(path, as_json=as_json)


@_proxy.command("set")
def proxy_set(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file of a proxy, or - for the standard input.")],
) -> None:
    """Check a grid proxy, and write it where only you can read it.

    Prints the line that tells a shell about it.

    For example:

    \b
        eval "$(physlite proxy set FILE)"
        eval "$(ssh lxplus.cern.ch 'cat /tmp/x509up_u$(id -u)' | physlite proxy set -)"
    """  # noqa: D301  # \b keeps the lines that follow as they are
    from physlite.cli.proxy import install

    install(file)


def _end_in_order() -> None:
    """Has signals that end the process end it as errors do, which clean up behind them."""

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)  # as the shell has it

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has the process ignore one of them
            signal.signal(number, end)


def main() -> None:
    """Runs the command line of this process."""
    _end_in_order()
    app(prog_name="physlite")
