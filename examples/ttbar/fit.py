"""tt̄ with one lepton: from histograms to a signal strength, with cabinetry and pyhf.

    python examples/ttbar/fit.py histograms.root fit/ [STRENGTH]

There are no data of toys: what is fitted is drawn from their sum, with STRENGTH times as much tt̄ as expected.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import cabinetry
import numpy as np
import uproot

CONFIG = Path(__file__).with_name("fit.yaml")
PROCESSES = ("ttbar", "single_top", "wjets", "zjets")


class Fitted(NamedTuple):
    """A fit: what was asked for, the model of pyhf, numbers of events, and values of parameters."""

    config: dict[str, Any]
    model: Any
    data: list[float]
    results: cabinetry.fit.FitResults

    @property
    def strength(self) -> tuple[float, float]:
        """The cross-section of tt̄ by the one that was assumed, and its uncertainty."""
        at = self.results.labels.index("ttbar_norm")
        return float(self.results.bestfit[at]), float(self.results.uncertainty[at])


def add_data(path: Path, strength: float, seed: int | None = 1) -> None:
    """Adds `4j1b_data` and `4j2b_data` to a file of histograms.

    Args:
        path: the file that ttbar.py has written.
        strength: how much more tt̄ there is than expected.
        seed: of the numbers of events, which are drawn; None: they are what is expected.
    """
    draw = None if seed is None else np.random.default_rng(seed)
    with uproot.update(path) as file:
        for region in ("4j1b", "4j2b"):
            expected = sum((strength if p == "ttbar" else 1.0) * file[f"{region}_{p}"].values() for p in PROCESSES)
            data = expected if draw is None else draw.poisson(expected).astype(float)
            file[f"{region}_data"] = data, file[f"{region}_ttbar"].axis().edges()


def fit(path: Path, folder: Path) -> Fitted:
    """Builds a workspace of a file of histograms, in a folder, and fits it."""
    config = cabinetry.configuration.load(CONFIG)
    config["General"]["InputPath"] = config["General"]["InputPath"].replace("histograms.root", str(path))
    config["General"]["HistogramFolder"] = str(folder / "templates")
    cabinetry.templates.collect(config, method="uproot")
    cabinetry.templates.postprocess(config)
    workspace = cabinetry.workspace.build(config)
    cabinetry.workspace.save(workspace, folder / "workspace.json")
    model, data = cabinetry.model_utils.model_and_data(workspace)
    return Fitted(config, model, data, cabinetry.fit.fit(model, data))


def draw(fitted: Fitted, folder: Path) -> None:
    """Draws the regions before and after the fit, pulls, correlations, and what parameters do to the strength."""
    config, model, data, results = fitted
    for name, known in {"prefit": None, "postfit": results}.items():
        prediction = cabinetry.model_utils.prediction(model, fit_results=known)
        for region in cabinetry.visualize.data_mc(prediction, data, config=config, save_figure=False):
            region["figure"].savefig(folder / f"{region['region']}_{name}.png")
    impacts = cabinetry.fit.ranking(model, data, fit_results=results)
    figures = {
        "pulls": cabinetry.visualize.pulls(results, exclude="ttbar_norm", save_figure=False),
        "correlations": cabinetry.visualize.correlation_matrix(results, pruning_threshold=0.25, save_figure=False),
        "ranking": cabinetry.visualize.ranking(impacts, max_pars=8, save_figure=False),
    }
    figures["ranking"].set_figwidth(10)  # or the numbers of its upper axis touch
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("histograms", type=Path, help="the ROOT file that ttbar.py has written")
    parser.add_argument("folder", type=Path, help="where plots and the workspace go")
    parser.add_argument("strength", type=float, nargs="?", default=1.0, help="tt̄ in the data, by what is expected")
    options = parser.parse_args()
    if not options.histograms.is_file():  # uproot would make one
        parser.error(f"{options.histograms}: no such file; ttbar.py writes it")
    options.folder.mkdir(parents=True, exist_ok=True)
    add_data(options.histograms, options.strength)
    fitted = fit(options.histograms, options.folder)
    draw(fitted, options.folder)
    print("signal strength {:.3f} ± {:.3f}".format(*fitted.strength))
