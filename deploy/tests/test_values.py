"""The values of the chart: their keys, and what hub and gateway make of them."""

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

pytestmark = pytest.mark.checkout

DEPLOY = Path(__file__).parents[2] / "deploy"

# These versions have the keys below: what stands here was looked up in their schemas, and a new version has to be.
VERSIONS = {"jupyterhub": "4.4.0", "dask-gateway": "2026.3.0"}
HUB_OF_CHART = "5.5.0"
KEYS = [
    "jupyterhub.cull.enabled",
    "jupyterhub.cull.every",
    "jupyterhub.cull.timeout",
    "jupyterhub.hub.config.*",
    "jupyterhub.hub.loadRoles.*",
    "jupyterhub.hub.networkPolicy.egress",
    "jupyterhub.hub.services.*",
    "jupyterhub.prePuller.hook.enabled",
    "jupyterhub.proxy.chp.networkPolicy.egress",
    "jupyterhub.proxy.service.type",
    "jupyterhub.scheduling.corePods.nodeAffinity.matchNodePurpose",
    "jupyterhub.scheduling.userPods.nodeAffinity.matchNodePurpose",
    "jupyterhub.scheduling.userScheduler.replicas",
    "jupyterhub.singleuser.cpu.guarantee",
    "jupyterhub.singleuser.cpu.limit",
    "jupyterhub.singleuser.defaultUrl",
    "jupyterhub.singleuser.extraEnv.*",
    "jupyterhub.singleuser.image.name",
    "jupyterhub.singleuser.image.tag",
    "jupyterhub.singleuser.memory.guarantee",
    "jupyterhub.singleuser.memory.limit",
    "jupyterhub.singleuser.networkPolicy.egress",
    "jupyterhub.singleuser.profileList",
    "jupyterhub.singleuser.startTimeout",
    "jupyterhub.singleuser.storage.capacity",
    "jupyterhub.singleuser.storage.extraVolumeMounts",
    "jupyterhub.singleuser.storage.extraVolumes",
    "dask-gateway.controller.nodeSelector.*",
    "dask-gateway.fullnameOverride",
    "dask-gateway.gateway.auth.jupyterhub.jupyterhubServiceName",
    "dask-gateway.gateway.auth.type",
    "dask-gateway.gateway.backend.environment.*",
    "dask-gateway.gateway.backend.image.name",
    "dask-gateway.gateway.backend.image.tag",
    "dask-gateway.gateway.backend.scheduler.cores.limit",
    "dask-gateway.gateway.backend.scheduler.cores.request",
    "dask-gateway.gateway.backend.scheduler.extraPodConfig.*",
    "dask-gateway.gateway.backend.scheduler.memory.limit",
    "dask-gateway.gateway.backend.scheduler.memory.request",
    "dask-gateway.gateway.backend.worker.extraContainerConfig.*",
    "dask-gateway.gateway.backend.worker.extraPodConfig.*",
    "dask-gateway.gateway.extraConfig.*",
    "dask-gateway.gateway.nodeSelector.*",
    "dask-gateway.gateway.prefix",
    "dask-gateway.traefik.nodeSelector.*",
    "dask-gateway.traefik.service.type",
]


class Strict(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML takes the last."""

    def construct_mapping(self, node, deep=False):  # as in the class above
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"twice in {keys}, {node.start_mark}"
        return super().construct_mapping(node, deep=deep)


def load(text):
    return yaml.load(text, Loader=Strict)  # noqa: S506  # a safe loader


CHART, VALUES = (load((DEPLOY / name).read_text()) for name in ("Chart.yaml", "values.yaml"))
HUB, GATEWAY = VALUES["jupyterhub"], VALUES["dask-gateway"]
BACKEND = GATEWAY["gateway"]["backend"]


def paths(values, *before):
    """The dotted names of all values."""
    if not isinstance(values, dict):
        return [".".join(before)]
    return [path for key, value in values.items() for path in paths(value, *before, key)]


def test_a_key_that_stands_twice_is_found():
    with pytest.raises(AssertionError, match="twice in"):
        load("a: {b: 1, c: 2, b: 3}")


def test_charts_are_those_whose_keys_were_checked():
    assert {chart["name"]: chart["version"] for chart in CHART["dependencies"]} == VERSIONS


def test_charts_know_all_keys():
    patterns = [re.compile(re.escape(key).replace(r"\*", ".+")) for key in KEYS]
    found = paths(VALUES)
    assert [path for path in found if not any(pattern.fullmatch(path) for pattern in patterns)] == []
    assert [pattern.pattern for pattern in patterns if not any(map(pattern.fullmatch, found))] == []


def test_packages_in_the_image_fit_the_charts():
    lines = (line.partition("#")[0] for line in (DEPLOY / "requirements.txt").read_text().splitlines())
    packages = {r.name: r.specifier for r in map(Requirement, filter(None, map(str.strip, lines)))}
    assert HUB_OF_CHART in packages["jupyterhub"]
    assert VERSIONS["dask-gateway"] in packages["dask-gateway"]


def test_notebooks_schedulers_and_workers_have_one_image():
    assert HUB["singleuser"]["image"] == BACKEND["image"]


def test_nobody_gets_in_by_default():
    name = HUB["hub"]["config"]["JupyterHub"]["authenticator_class"]
    (found,) = entry_points(group="jupyterhub.authenticators", name=name)
    assert found.load().__name__ == "NullAuthenticator"


def test_settings_of_dask_exist():
    import dask
    import dask_gateway  # noqa: F401  # brings its defaults
    import distributed  # noqa: F401  # as well

    names = paths(dask.config.collect_env(env=BACKEND["environment"] | HUB["singleuser"]["extraEnv"]))
    assert len(names) == 6
    for name in names:
        dask.config.get(name)  # raises where there is none


# ------------------------------------------------------------------------------------------- what the gateway makes


@pytest.fixture(scope="module")
def config():
    """The configuration of the gateway: what its chart makes of values, and the code that stands in them."""
    from traitlets.config import Config

    c = Config()
    c.KubeController.gateway_instance = "dask-gateway"
    c.KubeController.api_url = "http://api-dask-gateway:8000/api"
    c.KubeClusterConfig.image = ":".join(BACKEND["image"].values())
    c.KubeClusterConfig.environment = BACKEND["environment"]
    for role in ("scheduler", "worker"):
        values = BACKEND[role]
        c.KubeClusterConfig[f"{role}_extra_pod_config"] = values["extraPodConfig"]
        c.KubeClusterConfig[f"{role}_extra_container_config"] = values.get("extraContainerConfig", {})
    for resource in ("cores", "memory"):
        c.KubeClusterConfig[f"scheduler_{resource}"] = BACKEND["scheduler"][resource]["request"]
        c.KubeClusterConfig[f"scheduler_{resource}_limit"] = BACKEND["scheduler"][resource]["limit"]
    for _, code in sorted(GATEWAY["gateway"]["extraConfig"].items()):
        exec(code, {"c": c})  # noqa: S102
    return c


def cluster(config, **chosen):
    """A cluster with the options that a user chose."""
    from dask_gateway_server.backends.kubernetes.backend import KubeClusterConfig

    options = config.Backend.cluster_options
    return KubeClusterConfig(config=config, **options.get_configuration(options.parse_options(chosen), user=None))


def pod(config, *, worker, **chosen):
    from dask_gateway_server.backends.kubernetes.controller import KubeController

    controller = KubeController(config=config)
    return controller.make_pod("hub", "abc", cluster(config, **chosen), is_worker=worker)["spec"]


def test_users_choose_the_size_of_workers(config):
    (container,) = pod(config, worker=True, worker_cores=4, worker_memory=7.5)["containers"]
    gib = str(int(7.5 * 2**30))
    assert container["resources"] == {
        "requests": {"cpu": "4.000", "memory": gib},
        "limits": {"cpu": "4.000", "memory": gib},
    }
    assert container["args"][:2] == ["dask", "worker"]
    assert container["args"][-4:] == ["--nthreads", "4", "--memory-limit", gib]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"worker_cores": 5}, "worker_cores must be <= 4"),
        ({"worker_cores": 0}, "worker_cores must be >= 1"),
        ({"worker_memory": 17}, "worker_memory must be <= 16"),
        ({"image": "another"}, "Unknown fields"),
    ],
)
def test_users_cannot_choose(config, chosen, message):
    with pytest.raises(ValueError, match=message):
        cluster(config, **chosen)


def test_a_cluster_has_an_end(config):
    assert cluster(config).cluster_max_workers == 100
    assert cluster(config, worker_memory=16).cluster_max_workers == 25
    assert cluster(config).idle_timeout == 1800


def test_workers_run_on_their_own_nodes_and_find_rucio(config):
    spec = pod(config, worker=True)
    assert spec["nodeSelector"] == {"k8s.dask.org/node-purpose": "worker"}
    assert [toleration["key"] for toleration in spec["tolerations"]] == ["k8s.dask.org_dedicated"]
    assert [volume["name"] for volume in spec["volumes"]] == ["dask-credentials", "rucio"]
    (container,) = spec["containers"]
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/etc/dask-credentials/", "/opt/rucio/etc"]


def test_schedulers_run_on_nodes_that_stay(config):
    spec = pod(config, worker=False)
    assert spec["nodeSelector"] == {"hub.jupyter.org/node-purpose": "user"}
    (container,) = spec["containers"]
    assert container["args"][:2] == ["dask", "scheduler"]
    assert container["resources"]["requests"] == {"cpu": "0.500", "memory": str(2 * 2**30)}
