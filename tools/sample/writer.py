"""Hands the content to ROOT: compiles the dictionaries, connects columns to branches, and fills the trees."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import ROOT

from .content import Column, Content
from .hashes import EVENT_INTERFACES, MATCH_CLASS, PRESENT
from .metadata import FILE_NUMBERS, FILE_TEXTS, Store

HERE = Path(__file__).parent
ALGORITHM = {"none": 0, "zlib": 1, "lzma": 2, "lz4": 4, "zstd": 5}

BASES = (
    *("ElementLinkBase", "SG::IAuxElement", "SG::AuxElement", "SG::IConstAuxStore", "SG::IAuxStore", "SG::IAuxStoreIO"),
    *("SG::IAuxStoreHolder", "ILockable", "xAOD::AuxContainerBase", "xAOD::AuxInfoBase", "xAOD::IParticle"),
    *("xAOD::Egamma_v1", "xAOD::MissingET_v1", "xAOD::MissingETAssociation_v1", "xAOD::CutBookkeeper_v1"),
    *(
        "DataVector<xAOD::MissingET_v1>",
        "DataVector<xAOD::MissingETAssociation_v1>",
        "DataVector<xAOD::CutBookkeeper_v1>",
    ),
    *("xAOD::TriggerMenu_v1", "xAOD::TruthMetaData_v1", "xAOD::FileMetaData_v1", "xAOD::TrigComposite_v1"),
)
METADATA_INTERFACES = {
    "CutBookkeepers": "xAOD::CutBookkeeperContainer_v1",
    "IncompleteCutBookkeepers": "xAOD::CutBookkeeperContainer_v1",
    "TriggerMenu": "DataVector<xAOD::TriggerMenu_v1>",
    "TruthMetaData": "DataVector<xAOD::TruthMetaData_v1>",
}
BOOKKEEPER_LINK = "ElementLink<xAOD::CutBookkeeperContainer_v1>"
BOOKKEEPER_LINKS = ("parentLink", "childrenLinks", "othersLinks", "siblingsLinks")
ROOT_BASKET = 32000  # what ROOT takes without being told
METADATA_VECTORS = (
    *("vector<vector<string> >", "vector<vector<unsigned short> >", "vector<vector<float> >"),
    *(BOOKKEEPER_LINK, f"vector<{BOOKKEEPER_LINK} >", f"vector<vector<{BOOKKEEPER_LINK} > >"),
)


@dataclass(frozen=True)
class Options:
    """How to write: compression like ``zstd-5``, entries in a cluster, bytes in a basket (None: ROOT decides)."""

    compression: str
    rich: bool
    cluster: int
    basket: int | None  # of an ntuple, bytes in a page
    ntuple: bool = False  # events as an RNTuple instead of a tree
    build: Path | None = None  # where compiled dictionaries stay for another time
    quiet_seconds: float = 2.0

    @property
    def setting(self) -> int:
        """ROOT's compression setting: 100 times the algorithm plus the level."""
        name, _, level = self.compression.partition("-")
        return 0 if name == "none" else 100 * ALGORITHM[name] + int(level)


def write(path: Path, content: Content, metadata: dict[str, Store], options: Options) -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as scratch:
        load_dictionaries(content, metadata, options.build or Path(scratch), options)
        file = ROOT.TFile(str(path), "RECREATE", "", options.setting)
        fill = fill_ntuple if options.ntuple else fill_tree
        fill("EventData" if options.ntuple else "CollectionTree", connections(content), content.n_events, options)
        write_metadata(metadata)
        file.Write()
        file.Close()


def load_dictionaries(content: Content, metadata: dict[str, Store], build: Path, options: Options) -> None:
    """Compile the dictionaries of every class and every vector the file will hold."""
    classes = set(BASES) | set(METADATA_VECTORS) | set(content.stores.values()) | {s.cls for s in metadata.values()}
    interfaces = {interface_class(c) for c in content.lengths} | set(METADATA_INTERFACES.values())
    classes |= interfaces | set(EVENT_INTERFACES.values())
    classes |= {c.partition("<")[2].rstrip("> ") for c in interfaces if "<" in c}
    for column in content.columns:
        cpp = column.element
        for _ in range(len(column.offsets) + 1):
            if "<" in cpp and cpp != "vector<string>":
                classes.add(cpp)
            cpp = f"vector<{cpp}{' ' if cpp.endswith('>') else ''}>"
    links = "\n".join(f"#pragma link C++ class {name}+;" for name in sorted(classes))
    header = "ntuple.h" if options.ntuple else "columns.h"
    define = "#define PHYSLITE_SAMPLE_RICH\n" if options.rich else ""
    code = f'{define}#include "{header}"\n#ifdef __ROOTCLING__\n{links}\n#endif\n'
    macro = build / "physlite_sample.C"
    if not macro.exists() or macro.read_text() != code:  # the compiler goes by the time of the file
        macro.write_text(code)
    ROOT.gInterpreter.AddIncludePath(str(HERE))
    ROOT.gErrorIgnoreLevel = ROOT.kWarning
    if ROOT.gSystem.CompileMacro(str(macro), "kO", "", str(build)) != 1:
        raise RuntimeError("the dictionaries did not compile; is a C++ compiler installed?")
    for cls in sorted(interfaces):
        ROOT.gInterpreter.ProcessLine(f"sample::useInterfaceStreamer<{cls}>();")
        if options.ntuple and cls not in METADATA_INTERFACES.values():
            ROOT.gInterpreter.ProcessLine(f"sample::CollectionProxy<{cls}>::use();")


def interface_class(container: str) -> str:
    """Class of an interface container."""
    return PRESENT.get(container, MATCH_CLASS)


def source(column: Column) -> str:
    """C++ expression for the source of a column: its buffers by address."""
    if column.vocabulary:
        words = ", ".join(f'"{word}"' for word in column.vocabulary)
        expression = f"word(*new std::vector<std::string>{{{words}}}, {column.values.ctypes.data}ull)"
    else:
        expression = f"flat<{column.element}>({column.values.ctypes.data}ull)"
    for offsets in reversed(column.offsets):
        expression = f"listOf({expression}, {offsets.ctypes.data}ull)"
    return expression


def connections(content: Content) -> list[str]:
    """C++ statements that make all branches of the event tree."""
    number = {name: i for i, name in enumerate(content.stores)}
    lines = [
        f'auto& store{number[name]} = w.object<{cls}>("{name}", {int(name.endswith("."))});'
        for name, cls in content.stores.items()
    ]
    lines += [f'w.object<{stub_class(stub)}>("{stub}", 0);' for stub in content.stubs]
    lines += [f'w.object<{cls}>("{name}", 0);' for name, cls in EVENT_INTERFACES.items()]
    for container, offsets in content.lengths.items():
        lines.append(f'w.branch("{container}", length<{interface_class(container)}>({offsets.ctypes.data}ull), 0);')
    for column in content.columns:
        if column.store:
            lines.append(f"w.refill(store{number[column.store]}.{column.field}, {source(column)});")
        elif column.offsets or "<" in column.element:
            split = int(column.element.startswith("ElementLink") and len(column.offsets) < 2)
            lines.append(f'w.branch("{column.name}", {source(column)}, {split});')
        else:
            lines.append(f'w.scalar("{column.name}", "{column.leaf}", {source(column)});')
    return lines


def stub_class(stub: str) -> str:
    """Class of an empty store: one object an event, or a container."""
    single = stub.removesuffix("Aux.") in EVENT_INTERFACES
    return "xAOD::AuxInfoBase" if single else "xAOD::AuxContainerBase"


def literal(value: object) -> str:
    """A C++ initializer; strings are std::string, because two bare literals in braces would be taken for iterators."""
    if isinstance(value, list):
        return "{" + ", ".join(map(literal, value)) + "}"
    return f"{json.dumps(value)}s" if isinstance(value, str) else repr(value)


def metadata_connections(metadata: dict[str, Store], numbers: list[Column]) -> list[str]:
    """C++ statements that make and fill the branches of the metadata tree."""
    lines = []
    for i, (name, store) in enumerate(metadata.items()):
        lines.append(f'auto& store{i} = w.object<{store.cls}>("{name}", {99 if name.endswith(".") else 0});')
        lines += [f"store{i}.{member} = {literal(value)};" for member, value in store.members.items()]
        if "cycle" in store.members:
            n = len(store.members["cycle"])
            lines += [f"store{i}.{links}.resize({n});" for links in BOOKKEEPER_LINKS]
    for name, cls in METADATA_INTERFACES.items():
        n = len(next(iter(metadata[f"{name}Aux."].members.values())))
        lines.append(f'w.object<{cls}>("{name}", 0).resize({n});')
    lines.append('w.object<xAOD::FileMetaData_v1>("FileMetaData", 0);')
    lines += [
        f'w.object<std::string>("FileMetaDataAuxDyn.{n}", 0) = {literal(text)};' for n, text in FILE_TEXTS.items()
    ]
    lines += [f'w.scalar("{c.name}", "{c.leaf}", {source(c)});' for c in numbers]
    return lines


def write_metadata(metadata: dict[str, Store]) -> None:
    """Fill the metadata tree with its one entry."""
    numbers = [Column(f"FileMetaDataAuxDyn.{name}", values) for name, values in FILE_NUMBERS.items()]
    fill_tree("MetaData", metadata_connections(metadata, numbers), 1, Options("none", False, 1, None))


def fill_tree(name: str, statements: list[str], entries: int, options: Options) -> None:
    """Make a tree in the current file, run the C++ statements that connect its branches, and fill it."""
    tree = ROOT.TTree(name, name)
    writer = ROOT.sample.Writer(tree, options.basket or ROOT_BASKET)
    connect(name, writer, "Writer", statements)
    writer.fill(entries, options.cluster, options.basket is not None, options.quiet_seconds)


def fill_ntuple(name: str, statements: list[str], entries: int, options: Options) -> None:
    """The same as an RNTuple."""
    writer = ROOT.sample.NtupleWriter()
    connect(name, writer, "NtupleWriter", statements)
    file = ROOT.gDirectory.GetFile()
    writer.fill(file, name, entries, options.cluster, options.setting, options.basket or 0)


def connect(name: str, writer: object, cls: str, statements: list[str]) -> None:
    """Run the C++ statements that give a writer its columns."""
    body = "\n".join(statements)
    code = f"using namespace sample;\nusing namespace std::string_literals;\n{body}"
    if not ROOT.gInterpreter.Declare(f"void connect{name}(sample::{cls}& w) {{\n{code}\n}}"):
        raise RuntimeError(f"ROOT refused the code that connects the columns of {name}")
    getattr(ROOT, f"connect{name}")(writer)
