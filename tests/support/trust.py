"""The authority of `support.proxies`, as grid programs look for it."""

import subprocess

from support import proxies
from support.servers.process import program


def write_authority(folder):
    """Makes a folder that $X509_CERT_DIR can name: its certificate, and what it may sign."""
    folder.mkdir()
    certificate = proxies.authority().pem(with_key=False)
    command = [program("openssl"), "x509", "-noout", "-subject_hash"]
    name = subprocess.run(command, input=certificate, capture_output=True, check=True).stdout.decode().strip()
    (folder / f"{name}.0").write_bytes(certificate)
    (folder / f"{name}.signing_policy").write_text(
        "access_id_CA X509 '/DC=org/DC=example/CN=Test CA'\npos_rights globus CA:sign\ncond_subjects globus '\"*\"'\n"
    )
    return folder
