"""Z → ℓℓ: masses, yields, trigger efficiencies and a fit of the peak, of a list of datasets or of files.

    python examples/zll/zll.py --out out/zll
    python examples/zll/zll.py datasets.yaml --workers 4

Without datasets it takes those of `datasets.yaml` beside it: the sample that comes with physlite.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import hist
import numpy as np
import peak
from pairs import CHANNELS, analysis, is_drawn_as_data
from tables import cutflow_table, fit_table, with_error
from yields import DATA, added, luminosity_of, of_processes

import physlite
from physlite.analysis import plots

DATASETS = Path(__file__).with_name("datasets.yaml")
FILE_NAME = {"ee": "ee", "μμ": "mumu"}
MIN_FITTED = 50  # pairs


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the analysis, and writes plots and tables into a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("datasets", nargs="*", default=[str(DATASETS)], help="a YAML file, or ROOT files")
    parser.add_argument("--out", type=Path, default=Path("out/zll"), help="folder for plots and tables")
    parser.add_argument("--workers", type=int, help="processes; 0: this one")
    options = parser.parse_args(arguments)

    datasets = options.datasets[0] if len(options.datasets) == 1 else options.datasets
    result = physlite.run(analysis, datasets, workers=options.workers)
    by_dataset = {name: dataset for name, dataset in result.by_dataset.items() if dataset.value is not None}
    if not by_dataset:
        parser.error("there are no events in these files")
    told = {**next(iter(by_dataset.values())).metadata, "luminosity": total(luminosity_of(by_dataset))}
    processes = of_processes(by_dataset)

    options.out.mkdir(parents=True, exist_ok=True)
    tables = [cutflow_table(channel, processes) for channel in CHANNELS]
    for channel in CHANNELS:
        draw(channel, processes, told, options.out)
    fits = {channel: fit_peak(channel, processes, told) for channel in CHANNELS if can_be_fitted(channel, processes)}
    if fits:
        tables.append(fit_table(fits))
    for channel, fit in fits.items():
        draw_fit(channel, fit, told, options.out)
    numbers = {channel: {"values": fit.values, "errors": fit.errors} for channel, fit in fits.items()}
    (options.out / "fits.json").write_text(json.dumps(numbers, indent=2, ensure_ascii=False))
    (options.out / "tables.txt").write_text("\n".join(tables))
    print(*tables, result.report.summary, f"Plots and tables: {options.out}", sep="\n")
    as_data = [name for name, of_one in by_dataset.items() if is_drawn_as_data(of_one.metadata) and not of_one.is_data]
    if as_data:
        print(f"Simulation that is shown as data, for it has no cross_section: {', '.join(as_data)}")


def draw(channel: str, processes: Mapping[str, Any], told: Mapping[str, Any], out: Path) -> None:
    """The mass, how many events there are in each period, and how efficient the trigger is."""
    data = processes.get(DATA)
    simulation = {name: value for name, value in processes.items() if name != DATA}
    name = FILE_NAME[channel]
    plots.stack(
        data=data and data["mass"][channel, :: hist.rebin(4)],
        simulation={process: value["mass"][channel, :: hist.rebin(4)] for process, value in simulation.items()},
        out=out / f"mass_{name}",
        **caption(told, channel),
    )
    seen = np.any([value["period"][channel, :].values() for value in processes.values()], axis=0)
    if seen.any():
        plots.stack(
            data=data and chosen(data["period"][channel, :], seen),
            simulation={process: chosen(value["period"][channel, :], seen) for process, value in simulation.items()},
            out=out / f"periods_{name}",
            **caption(told, channel),
        )
    trigger = told.get(f"{CHANNELS[channel].lepton}_trigger")
    if trigger is not None:
        of_all = {"Data": data, "Simulation": simulation and added(simulation.values())}
        probes = {label: value["probes"][channel, :, :] for label, value in of_all.items() if value}
        plots.efficiency(
            {label: counts[True, :] for label, counts in probes.items()},
            {label: counts[sum, :] for label, counts in probes.items()},
            out=out / f"trigger_{name}",
            **caption(told, trigger),
        )


def total(luminosity: float | Mapping[str, float] | None) -> float | None:
    """Of all campaigns."""
    return sum(luminosity.values()) if isinstance(luminosity, Mapping) else luminosity


def can_be_fitted(channel: str, processes: Mapping[str, Any]) -> bool:
    """Whether there are data, and enough of them."""
    return DATA in processes and processes[DATA]["mass"][channel, :].sum().value >= MIN_FITTED


def fit_peak(channel: str, processes: Mapping[str, Any], told: Mapping[str, Any]) -> peak.Fit:
    """Fits the data of a channel, with what the list of datasets says about its leptons."""
    lepton = CHANNELS[channel].lepton
    radiation = peak.Radiation(*told.get(f"{lepton}_radiation", ()))
    return peak.fit(processes[DATA]["mass"][channel, :], told.get(f"{lepton}_resolution"), radiation)


def draw_fit(channel: str, fit: peak.Fit, told: Mapping[str, Any], out: Path) -> None:
    """The data, and what the fit expects in their place."""
    lines = [f"{name} [GeV]: {with_error(fit, name)}" for name in ("mass", "width")]
    plots.stack(
        data=fit.data[:: hist.rebin(2)],
        simulation={"Background": fit.background[:: hist.rebin(2)], "Peak": fit.signal[:: hist.rebin(2)]},
        out=out / f"fit_{FILE_NAME[channel]}",
        **caption(told, "\n".join([f"{channel}, fit", *lines])),
    )


def chosen(period: hist.Hist, wanted: np.ndarray) -> hist.Hist:
    """Of a histogram of periods those that are wanted."""
    (axis,) = period.axes
    names = [name for name, is_wanted in zip(axis, wanted, strict=True) if is_wanted]
    few = hist.Hist(hist.axis.StrCategory(names, name=axis.name, label=axis.label), storage=hist.storage.Weight())
    few.view()[...] = period.view()[wanted]
    return few


def caption(told: Mapping[str, Any], label: str) -> dict[str, Any]:
    """What is written into a plot: what it shows, and what the list of datasets says."""
    label = "\n".join([label, *filter(None, [told.get("note")])])
    return {"label": label, "luminosity": told.get("luminosity"), "energy": told.get("energy")}


if __name__ == "__main__":
    main()
