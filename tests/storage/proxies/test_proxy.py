"""Grid proxies: what is read from them, what is refused, and that their key stays where it belongs."""

import contextlib
import copy
import os
import pickle
import re
import stat
import subprocess
import sys
import traceback
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from physlite.auth import load_proxy, use_proxy
from physlite.exceptions import CredentialError
from support import proxies
from support.proxies import FQANS, IDENTITY
from support.secrets import has_key, leaks_of
from support.servers.process import program
from support.servers.xrootd_gsi import xrootd_with_proxies
from support.trust import write_authority

# What changed bytes bring about in a certificate may be deprecated, before it is refused.
pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")

REMEDY = "make a new one with `voms-proxy-init -voms atlas`"


@pytest.fixture(autouse=True)
def own_places(tmp_path, monkeypatch):
    """The environment of somebody without a proxy, who has a folder for running programs."""
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    for name in ("X509_USER_PROXY", "RUCIO_CLIENT_PROXY"):
        monkeypatch.setenv(name, "")  # restored behind the test, also when the test sets it
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "x509up"
    path.touch(0o600)
    path.write_bytes(proxies.voms_proxy())
    return path


def refused(content, **options):
    """The message for content that is no proxy, without the name in front."""
    with pytest.raises(CredentialError) as caught:
        load_proxy(content, **options)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message.removeprefix("<bytes>: ")


# ------------------------------------------------------------------------------------------------------ what it says


def test_what_a_proxy_says():
    proxy = load_proxy(proxies.voms_proxy())
    assert proxy.subject == f"{IDENTITY}/CN=1234567890"
    assert proxy.issuer == proxy.identity == IDENTITY
    assert (proxy.kind, proxy.vo, proxy.attributes) == ("RFC 3820", "atlas", FQANS)
    assert timedelta(hours=11, minutes=59) < proxy.time_left <= timedelta(hours=12)
    assert proxy.not_before < datetime.now(UTC) < proxy.expires
    assert proxy.name == "<bytes>"


def test_a_proxy_without_vo_attributes():
    proxy = load_proxy(proxies.proxy().pem())
    assert (proxy.vo, proxy.attributes) == (None, ())
    assert dict(proxy.rows())["VO attributes"] == "none"


def test_a_proxy_made_from_a_proxy():
    voms = proxies.voms_extension(proxies.attribute_certificate())
    first = proxies.proxy(voms=voms, hours=3)
    second = load_proxy(proxies.proxy(first, cn="77", private=proxies.key("second")).pem())
    assert second.subject == f"{IDENTITY}/CN=1234567890/CN=77"
    assert second.issuer == f"{IDENTITY}/CN=1234567890"
    assert (second.identity, second.attributes) == (IDENTITY, FQANS)
    assert second.time_left <= timedelta(hours=3), "it is of no use when the first has expired"


@pytest.mark.parametrize("cn", ["proxy", "limited proxy"])
def test_a_legacy_proxy(cn):
    proxy = load_proxy(proxies.proxy(cn=cn, info=None).pem())
    assert (proxy.kind, proxy.identity) == ("legacy", IDENTITY)


def test_the_time_left_is_the_shortest_of_all():
    short = load_proxy(proxies.voms_proxy(hours=1))
    assert timedelta(minutes=59) < short.time_left <= timedelta(hours=1)
    late = load_proxy(proxies.voms_proxy(begins=-0.5))
    assert datetime.now(UTC) - late.not_before < timedelta(minutes=31)


def test_several_vos():
    certificates = [
        proxies.attribute_certificate(),
        proxies.attribute_certificate(uri="perf://other:1", fqans=["/perf/Role=NULL/Capability=NULL"]),
    ]
    proxy = load_proxy(proxies.proxy(voms=proxies.voms_extension(*certificates)).pem())
    assert (proxy.vo, proxy.attributes) == ("atlas", (*FQANS, "/perf/Role=NULL/Capability=NULL"))


def test_other_attributes_of_a_vo():
    clearance = proxies.der(0x30, proxies.oid("2.5.4.55"), proxies.der(0x31))
    assert load_proxy(proxies.voms_proxy(other=[clearance])).attributes == FQANS
    assert refused(proxies.voms_proxy(other=[clearance[:-1]])).startswith("has damaged VO attributes (")


def test_certificates_of_authorities_may_follow():
    ca = proxies.authority().pem(with_key=False)
    proxy = load_proxy(proxies.proxy().pem() + b"They come from elsewhere:\n" + ca)
    assert proxy.identity == IDENTITY


def test_it_is_shown_without_its_key():
    proxy = load_proxy(proxies.voms_proxy())
    assert re.fullmatch(rf"<Proxy of {IDENTITY}, VO atlas, 11:59:\d\d left>", repr(proxy))
    page = proxy._repr_html_()
    assert IDENTITY in page
    assert FQANS[1] in page


def test_names_do_not_write_the_page_or_the_terminal():
    user = proxies.user("/CN=<script>x&\x1b[31m", "other")
    proxy = load_proxy(proxies.proxy(user).pem())
    assert proxy.identity == r"/CN=<script>x&\x1B[31m"
    assert r"/CN=&lt;script&gt;x&amp;\x1B[31m</td>" in proxy._repr_html_()
    with pytest.raises(CredentialError, match="control characters"):
        load_proxy(proxies.voms_proxy(fqans=["/atlas\x1b[31m"]))


# -------------------------------------------------------------------------------------------------- what others read


def value_of(text, name):
    return re.findall(rf"^{name} *: (.*)$", text, re.MULTILINE)


@pytest.fixture
def trust(tmp_path, monkeypatch):
    """The authority and the VOMS server are known to OpenSSL and VOMS; the folder with certificates of authorities."""
    folder = write_authority(tmp_path / "certificates")
    (tmp_path / "vomsdir" / "atlas").mkdir(parents=True)
    (tmp_path / "vomsdir" / "atlas" / "voms.example.org.lsc").write_text(
        "/DC=org/DC=example/CN=voms.example.org\n/DC=org/DC=example/CN=Test CA\n"
    )
    monkeypatch.setenv("X509_CERT_DIR", str(folder))
    monkeypatch.setenv("X509_VOMS_DIR", str(tmp_path / "vomsdir"))
    return folder


def voms_proxy_info(*options):
    command = [program("voms-proxy-info"), *options]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stderr == ""
    return result.stdout


@pytest.mark.usefixtures("trust")
def test_voms_reads_the_same(file):
    """It verifies the signature of the VO attributes, too."""
    theirs = voms_proxy_info("-all", "-file", file)
    ours = load_proxy(file)
    assert value_of(theirs, "subject") == [ours.subject, ours.identity]
    assert value_of(theirs, "issuer")[0] == ours.issuer
    assert value_of(theirs, "identity") == [ours.identity]
    assert value_of(theirs, "type") == ["RFC compliant proxy"]
    assert value_of(theirs, "VO") == [ours.vo]
    assert value_of(theirs, "attribute") == list(ours.attributes)


@pytest.mark.usefixtures("trust")
def test_voms_finds_the_proxy_that_is_used():
    path = use_proxy(load_proxy(PROXY))
    assert voms_proxy_info("-path").strip() == str(path)
    assert voms_proxy_info("-identity").strip() == IDENTITY


@pytest.mark.usefixtures("trust")
def test_xrootd_takes_the_proxy_that_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("XrdSecGSISRVNAMES", "*")  # the server has an address for a name
    with xrootd_with_proxies() as (url, log):
        copy_it = [program("xrdcp"), "--nopbar", url, tmp_path / "copy"]
        monkeypatch.setenv("X509_USER_PROXY", str(tmp_path / "none"))
        assert subprocess.run(copy_it, capture_output=True, check=False).returncode != 0
        use_proxy(load_proxy(PROXY))
        subprocess.run(copy_it, capture_output=True, check=True)
        assert f"login as {IDENTITY}\n" in log.read_text()
    assert (tmp_path / "copy").read_text() == "hello"


def test_openssl_accepts_the_proxies_of_these_tests(tmp_path, trust):
    first = proxies.proxy()
    second = proxies.proxy(first, private=proxies.key("second"))
    (tmp_path / "proxy").write_bytes(second.pem())
    (tmp_path / "above").write_bytes(first.pem(with_key=False))
    command = [program("openssl"), "verify", "-allow_proxy_certs", "-CApath", trust]
    command += ["-untrusted", tmp_path / "above", tmp_path / "proxy"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout == f"{tmp_path / 'proxy'}: OK\n"


# ----------------------------------------------------------------------------------------------------- what is refused


def test_an_expired_proxy():
    message = refused(proxies.proxy(begins=-2, hours=-1).pem())
    assert re.fullmatch(rf"the proxy expired at 20..-..-.. ..:..:.. UTC; {re.escape(REMEDY)}", message)


def test_expired_vo_attributes():
    assert refused(proxies.voms_proxy(begins=-2, hours=-1)).startswith("the proxy expired at ")


def test_a_proxy_of_tomorrow():
    message = refused(proxies.proxy(begins=24, hours=36).pem())
    assert re.match(r"the proxy is not valid before 20..-..-.. ..:..:.. UTC; set the clock of this machine", message)


def test_a_proxy_that_expires_while_it_is_used(tmp_path):
    proxy = load_proxy(proxies.proxy().pem())
    object.__setattr__(proxy, "expires", datetime.now(UTC))
    assert proxy.time_left == timedelta(0)
    with pytest.raises(CredentialError, match=r"expired at .*voms-proxy-init"):
        use_proxy(proxy)
    assert list((tmp_path / "run").iterdir()) == []


def split(pem):
    """The blocks of a PEM text: those of certificates, and the key's."""
    blocks = re.findall(rb"-----BEGIN .*?-----END [A-Z ]+-----\n", pem, re.DOTALL)
    return [b for b in blocks if b"CERTIFICATE" in b], next(b for b in blocks if b"PRIVATE KEY" in b)


PROXY = proxies.voms_proxy()
CERTIFICATES, KEY = split(PROXY)
OTHER_KEY = proxies.key_pem(proxies.key("other"))
DAMAGED_KEY = KEY.replace(KEY.splitlines()[12], KEY.splitlines()[12][::-1])
OTHER_USER = proxies.user("/CN=other", "other").pem(with_key=False)
VO_ATTRIBUTES = proxies.voms_extension(proxies.attribute_certificate())
FORGED = proxies.Owner(proxies.user().certificate, proxies.key("forger"))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "has no certificate in PEM, no proxy"),
        (b"<html>Please log in</html>", "has no certificate in PEM, no proxy"),
        (os.urandom(3000), "has no certificate in PEM, no proxy"),
        (KEY, "is a private key without its certificate, no proxy"),
        (b"".join(CERTIFICATES), "has 0 private keys beside its certificate, where a proxy has one"),
        (PROXY + KEY, "has 2 private keys beside its certificate, where a proxy has one"),
        (PROXY.replace(KEY, OTHER_KEY), "has a private key that does not belong to its certificate"),
        (PROXY.replace(KEY, DAMAGED_KEY), "has a damaged private key"),
        (PROXY.replace(KEY, KEY.replace(b"RSA PRIVATE", b"DSA PRIVATE")), "has a damaged private key"),
        (PROXY.replace(KEY, proxies.key_pem(proxies.key("proxy"), b"pw")), "has an encrypted private key"),
        (PROXY.replace(KEY, proxies.pkcs8_pem(proxies.key("proxy"), b"pw")), "has an encrypted private key"),
        (PROXY.replace(KEY, KEY[:40] + b"\n" * 9000 + KEY[40:]), "has a private key of more than 8192 bytes"),
        (proxies.user().pem(), f"is a certificate of {IDENTITY} itself, no proxy, and would give away too much"),
        (proxies.authority().pem(), "is a certificate of /DC=org/DC=example/CN=Test CA itself, no proxy"),
        (proxies.proxy(info=None).pem(), f"is a certificate of {IDENTITY}/CN=1234567890 itself, no proxy"),
        (CERTIFICATES[0] + KEY, f"lacks the certificate of {IDENTITY}, which issued the proxy"),
        (CERTIFICATES[0] + KEY + OTHER_USER, f"lacks the certificate of {IDENTITY}, which issued the proxy"),
        (proxies.proxy(FORGED).pem(), f"has a certificate that {IDENTITY} did not sign: it is damaged"),
        (PROXY[:-20], "is cut or damaged: a PEM block does not end"),
        (PROXY.replace(b"-----END RSA", b"-----END DSA"), "is cut or damaged: a PEM block does not end"),
        (b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n" + KEY, "has a damaged certificate"),
        (proxies.proxy(voms=b"").pem(), "has damaged VO attributes (ends in the middle of an element)"),
        (proxies.proxy(voms=b"\x30\x80\0\0").pem(), "has damaged VO attributes (a length of 0 bytes)"),
        (proxies.proxy(voms=b"\x30\x00\x00").pem(), "has damaged VO attributes (1 bytes behind the end)"),
        (proxies.proxy(voms=b"\x1f\x81\x00").pem(), "has damaged VO attributes (a long tag (0x1f))"),
        (proxies.proxy(voms=VO_ATTRIBUTES[:-5]).pem(), "has damaged VO attributes (ends in the middle of an element)"),
        (proxies.renamed_proxy().pem(), "is a certificate of /CN=somebody else itself, no proxy"),
        (proxies.voms_proxy(uri="atlas"), "has damaged VO attributes (a policy authority without a VO ('atlas'))"),
    ],
)
def test_what_is_not_a_proxy(content, problem):
    message = refused(content)
    assert message.startswith(problem)
    assert message.endswith(REMEDY)


def test_other_kinds_of_keys():
    for private in (ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()):
        pem = proxies.pkcs8_pem(private)
        assert refused(PROXY.replace(KEY, pem)).startswith("has a private key that does not belong")
    user = proxies.user()
    assert load_proxy(proxies.proxy(user, private=ec.generate_private_key(ec.SECP256R1())).pem()).identity == IDENTITY


def test_the_content_where_the_path_belongs():
    with pytest.raises(TypeError, match="give it as bytes") as caught:
        load_proxy(PROXY.decode())
    assert shows_no_key(caught)


# ------------------------------------------------------------------------------------------------------------ hostile


def positions(length):
    return st.integers(0, length - 1)


@given(changes=st.lists(st.tuples(positions(len(PROXY)), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes(changes):
    damaged = bytearray(PROXY)
    for position, byte in changes:
        damaged[position] = byte
    proxy_or_nothing(bytes(damaged))


@given(where=st.tuples(positions(len(PROXY)), positions(len(PROXY))))
def test_missing_bytes(where):
    proxy_or_nothing(PROXY[: min(where)] + PROXY[max(where) :])


@settings(max_examples=50)
@given(position=positions(len(VO_ATTRIBUTES)), byte=st.integers(0, 255), cut=st.booleans())
def test_changed_vo_attributes(position, byte, cut):
    """Signed by the user as they are, so that what decodes them gets to see them."""
    changed = VO_ATTRIBUTES[:position] + (b"" if cut else bytes([byte]) + VO_ATTRIBUTES[position + 1 :])
    try:
        proxy = load_proxy(proxies.proxy(voms=changed).pem())
    except CredentialError as error:
        assert str(error).isprintable()  # noqa: PT017
    else:
        assert all(text.isprintable() for text in (proxy.vo, *proxy.attributes))


def proxy_or_nothing(content):
    """What is not refused says what the whole one says: signatures cover it."""
    try:
        proxy = load_proxy(content)
    except CredentialError as error:
        assert str(error).isprintable()  # noqa: PT017
        assert not has_key(str(error), LEAKS)  # noqa: PT017
    else:
        assert (proxy.subject, proxy.identity, proxy.attributes) == (f"{IDENTITY}/CN=1234567890", IDENTITY, FQANS)


@pytest.mark.parametrize(
    "content",
    [
        b"-----BEGIN CERTIFICATE-----" * 9000,
        b"-----BEGIN X-----END X" * 9000,
        CERTIFICATES[0] * 150,
        CERTIFICATES[0] + KEY + CERTIFICATES[0] * 140,
        b"-" * 256 * 1024,
        proxies.proxy(voms=proxies.der(0x30, *[b"\x30\x00"] * 30000)).pem(),
    ],
    ids=["begins", "labels", "copies", "loop", "dashes", "attributes"],
)
def test_refused_in_bounded_time(content):
    begin = datetime.now(UTC)
    with contextlib.suppress(CredentialError):
        load_proxy(content)
    assert datetime.now(UTC) - begin < timedelta(seconds=5)


# ------------------------------------------------------------------------------------------------------------- secret

LEAKS = leaks_of(PROXY)


def shows_no_key(caught):
    """Whether a traceback with the variables of each function of ours has no key, as notebooks can show them."""
    error = traceback.TracebackException(caught.type, caught.value, caught.tb, capture_locals=True)
    frames = [frame for frame in error.stack if "physlite" in frame.filename and "/tests/" not in frame.filename]
    assert frames
    locals_of = [f"{name} = {value}" for frame in frames for name, value in (frame.locals or {}).items()]
    return not has_key("".join(locals_of) + str(caught.value), LEAKS)


def test_the_search_for_the_key_finds_it():
    assert has_key(PROXY, LEAKS)
    assert has_key(repr(PROXY), LEAKS)
    assert has_key(repr(load_pem_private_key(KEY, None).private_numbers().d), LEAKS)
    assert not has_key(b"".join(CERTIFICATES), LEAKS)


@pytest.mark.parametrize(
    "content",
    [
        PROXY[:-20],
        PROXY + KEY,
        PROXY.replace(KEY, OTHER_KEY) + PROXY,
        PROXY.replace(CERTIFICATES[1], b""),
        PROXY.replace(CERTIFICATES[0], CERTIFICATES[1]),
        PROXY + b" " * 300_000,
    ],
    ids=["cut", "two keys", "twice", "no issuer", "no proxy", "large"],
)
def test_no_key_in_tracebacks(content, tmp_path):
    path = tmp_path / "x509up"
    path.touch(0o600)
    path.write_bytes(content)
    for where in (content, path):
        with pytest.raises(CredentialError) as caught:
            load_proxy(where)
        assert shows_no_key(caught)


def test_a_proxy_does_not_pickle():
    proxy = load_proxy(PROXY)
    for copied in (pickle.dumps, copy.deepcopy, lambda p: pickle.dumps({"in": [p]}), lambda p: pickle.dumps(p, 0)):
        with pytest.raises(TypeError, match=r"private key.*ship_proxy"):
            copied(proxy)


def test_no_key_in_what_it_shows(capsys):
    proxy = load_proxy(PROXY)
    print(proxy, repr(proxy), [proxy], proxy.rows(), proxy._repr_html_(), vars(type(proxy)))
    print({name: getattr(proxy, name) for name in proxy.__slots__})
    assert not has_key(capsys.readouterr().out, LEAKS)


# -------------------------------------------------------------------------------------------------- where it is found


def test_where_grid_tools_look(file, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_000)
    with pytest.raises(CredentialError) as caught:
        load_proxy()
    assert str(caught.value) == (
        f"/tmp/x509up_u4000000000: no such file, and $X509_USER_PROXY is not set; {REMEDY}"  # noqa: S108
    )
    monkeypatch.undo()
    monkeypatch.setenv("X509_USER_PROXY", str(file))
    assert load_proxy().name == str(file)
    monkeypatch.setenv("X509_USER_PROXY", str(tmp_path / "gone"))
    with pytest.raises(CredentialError, match=r"gone: no such file, though \$X509_USER_PROXY names it; make a new"):
        load_proxy()
    assert load_proxy(file).subject == load_proxy(str(file)).subject == load_proxy(file.read_bytes()).subject


def test_a_path_that_is_not_there(tmp_path):
    assert refused(tmp_path / "x").startswith(f"{tmp_path / 'x'}: no such file; {REMEDY}")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620, 0o777])
def test_a_file_that_others_can_use(file, mode):
    file.chmod(mode)
    assert refused(file) == f"{file}: can be used by others (mode 0{mode:o}): `chmod 600 {file}`"


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_that_only_its_owner_can_use(file, mode):
    file.chmod(mode)
    assert load_proxy(file).identity == IDENTITY


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_a_file_of_somebody_else(file):
    os.chown(file, 4242, 4242)
    assert refused(file).startswith(f"{file}: belongs to another user (uid 4242): use a copy of your own")


def test_what_is_not_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe"):
        assert refused(path) == f"{path}: is not a file"


def test_a_huge_file_is_not_read(file):
    os.truncate(file, 2**40)
    assert refused(file) == f"{file}: has {2**40} bytes, more than any proxy (262144): is it the right file?"


# --------------------------------------------------------------------------------------------------- where it is put


def mode_of(path):
    return stat.S_IMODE(path.lstat().st_mode)


def test_written_for_its_owner_alone(tmp_path):
    path = load_proxy(PROXY).write()
    assert path == tmp_path / "run" / "physlite" / "x509up"
    assert (mode_of(path), mode_of(path.parent)) == (0o600, 0o700)
    assert path.read_bytes() == PROXY
    assert load_proxy(path).identity == IDENTITY


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_mode_does_not_depend_on_the_umask(umask):
    before = os.umask(umask)
    try:
        path = load_proxy(PROXY).write()
    finally:
        os.umask(before)
    assert (mode_of(path), mode_of(path.parent)) == (0o600, 0o700)


def test_a_file_that_is_there_is_replaced_not_written_to(tmp_path):
    (tmp_path / "elsewhere").write_text("others read this")
    (tmp_path / "x509up").symlink_to(tmp_path / "elsewhere")
    path = load_proxy(PROXY).write(tmp_path / "x509up")
    assert (path.is_symlink(), mode_of(path)) == (False, 0o600)
    assert (tmp_path / "elsewhere").read_text() == "others read this"
    assert [p.name for p in tmp_path.iterdir() if "x509up" in p.name] == ["x509up"]


def test_nothing_is_left_of_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        load_proxy(PROXY).write(tmp_path / "folder")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "run"]


def test_without_a_folder_for_running_programs(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for unusable in ("", "relative", str(tmp_path / "gone")):
        monkeypatch.setenv("XDG_RUNTIME_DIR", unusable)
        assert load_proxy(PROXY).write() == tmp_path / f"physlite-{os.geteuid()}" / "x509up"


@pytest.mark.skipif(os.geteuid() != 0, reason="gives folders away")
def test_the_folder_for_running_programs_of_somebody_else(tmp_path, monkeypatch):
    """As `su` leaves it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    os.chown(tmp_path / "run", 4242, 4242)
    assert load_proxy(PROXY).write().parent == tmp_path / f"physlite-{os.geteuid()}"
    assert list((tmp_path / "run").iterdir()) == []


def a_link(folder):
    (folder.parent / "real").mkdir(mode=0o700)
    folder.symlink_to(folder.parent / "real")


def a_folder_open_to_others(folder):
    folder.mkdir()
    folder.chmod(0o750)


def a_folder_of_another_user(folder):
    if os.geteuid() != 0:
        pytest.skip("gives folders away")
    folder.mkdir(mode=0o700)
    os.chown(folder, 4242, 4242)


@pytest.mark.parametrize("make", [a_link, a_folder_open_to_others, a_folder_of_another_user])
def test_a_folder_that_is_not_private(tmp_path, make):
    folder = tmp_path / "run" / "physlite"
    make(folder)
    with pytest.raises(CredentialError, match=rf"^{folder}: not a folder of yours with mode 0700.*remove it"):
        load_proxy(PROXY).write()
    assert list(folder.iterdir()) == []


def test_used_by_this_process_and_what_it_starts(tmp_path, monkeypatch):
    monkeypatch.setenv("X509_CERT_DIR", "/etc/grid-security/certificates")
    path = use_proxy(load_proxy(PROXY))
    assert path == tmp_path / "run" / "physlite" / "x509up"
    child = "import os; print(os.environ['X509_USER_PROXY'], os.environ['RUCIO_CLIENT_PROXY'])"
    said = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True).stdout
    assert said.split() == [str(path), str(path)]
    assert os.environ["X509_CERT_DIR"] == "/etc/grid-security/certificates"
    assert load_proxy().name == str(path)


def test_a_renewed_proxy_has_the_same_path():
    first = use_proxy(load_proxy(PROXY))
    second = use_proxy(load_proxy(proxies.proxy(hours=24).pem()))
    assert first == second
    assert load_proxy().time_left > timedelta(hours=23)
