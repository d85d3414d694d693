"""Signed URLs: by credentials for S3 and Google Cloud Storage that are here, and by Rucio; when they expire."""

import json
import os
import pickle
import time
import urllib.request
from datetime import UTC, datetime
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite.exceptions import CredentialError
from physlite.storage import GcsSigner, HttpSource, Range, RucioSigner, S3Signer, SignedUrl, Signer, expiry_of
from physlite.storage.rucio import Rucio, RucioSource
from support import data
from support.certificates import make_certificates
from support.servers.gcs import gcs
from support.servers.rucio import GCS, PASSWORD, write_service_account
from support.servers.seaweedfs import ACCESS_KEY, SECRET_KEY, seaweedfs
from support.transports import check_events

CONTENT = bytes(range(256)) * 20
NAME = "mc20/a b+c%2F&é.root"  # to be encoded, once


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch, tmp_path_factory):
    """Nothing is found that a test has not put there."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "GOOGLE_", "RUCIO_")):
            monkeypatch.delenv(name)
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("RUCIO_CFG_CLIENT_PASSWORD", PASSWORD)
    monkeypatch.setattr("rucio.client.baseclient.BaseClient.TOKEN_PATH_PREFIX", f"{folder}/")
    return folder


def get(url, offset=0, size=10):
    """Status and content of an answer to a request for a range."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={offset}-{offset + size - 1}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, b""


# ------------------------------------------------------------------------------------------------------------- expiry


@given(
    st.sampled_from(["X-Goog", "X-Amz"]),
    st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001
    st.integers(1, 604800),
)
def test_version_4_says_when_it_was_signed_and_for_how_long(prefix, date, seconds):
    date = date.replace(microsecond=0, tzinfo=UTC)
    query = f"{prefix}-Expires={seconds}&{prefix}-Signature=ab%2Fcd&{prefix}-Date={date:%Y%m%dT%H%M%SZ}"
    assert expiry_of(f"https://host/bucket/name?{query}") == date.timestamp() + seconds


@given(st.sampled_from(["Expires", "temp_url_expires"]), st.integers(0, 10**11))
def test_others_say_until_when(parameter, when):
    assert expiry_of(f"https://host/b/n?GoogleAccessId=x&{parameter}={when}&Signature=ab%3D#fragment") == when


@given(st.text())
def test_any_text_expires_or_is_an_error(text):
    for url in (
        text,
        f"https://h/n?{text}",
        f"https://h/n?Expires={text}",
        f"https://h/n?X-Amz-Date={text}&X-Amz-Expires=1",
    ):
        try:
            assert expiry_of(url) >= 0
        except ValueError as error:
            assert "expire" in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    "query",
    ["", "Signature=secret", "Expires=soon", "Expires=-1", "Expires=1e9", "Expires=" + "9" * 400, "Expires=%D9%A1",
     "X-Amz-Date=yesterday&X-Amz-Expires=5", "X-Amz-Date=20200101T000000Z", "X-Amz-Expires=5"],
    ids=lambda query: query[:30] or "none",
)  # fmt: skip
def test_what_does_not_say_when_it_expires(query):
    with pytest.raises(ValueError, match=r"https://host/name.* expire") as error:
        expiry_of(f"https://host/name?{query}")
    assert "secret" not in str(error.value)


# ----------------------------------------------------------------------------------------------------------------- S3


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory, certificates):
    """A service with a file in a bucket."""
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs"), certificates) as server:
        server.put(f"physics/{NAME}", CONTENT)
        yield server


@pytest.fixture
def profile(no_credentials):
    """The key of the account, as a profile in ~/.aws."""
    (no_credentials / ".aws").mkdir()
    (no_credentials / ".aws" / "credentials").write_text(
        f"[lab]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    )
    return "lab"


def test_a_url_for_s3(seaweed, profile):
    signer = S3Signer(profile, endpoint=seaweed.url, region="us-east-1", lifetime=600)
    assert isinstance(signer, Signer)
    before = int(time.time())
    signed = signer.url(f"s3://physics/{NAME}")
    assert before + 600 <= signed.expires <= time.time() + 600
    assert get(signed.url, 256, 4) == (206, bytes(range(4)))
    assert parse_qs(urlsplit(signed.url).query)["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


def test_events_by_signed_urls(seaweed, profile):
    seaweed.put(f"physics/{data.R21}", data.path_of(data.R21).read_bytes())
    signer = S3Signer(profile, endpoint=seaweed.url, region="us-east-1")
    check_events(HttpSource(f"s3://physics/{data.R21}", signer=signer))


def test_s3_refuses_what_was_not_signed(seaweed, profile):
    """That the service does look at signatures."""
    url = S3Signer(profile, endpoint=seaweed.url, region="us-east-1").url(f"s3://physics/{NAME}").url
    head, _, signature = url.rpartition("X-Amz-Signature=")
    assert len(signature) == 64
    other = f"{'0' if signature[0] != '0' else '1'}{signature[1:]}"
    assert get(url)[0] == 206
    assert get(f"{head}X-Amz-Signature={other}")[0] == 403
    assert get(url.replace("mc20", "mc16"))[0] == 403
    assert get(url.partition("?")[0])[0] == 403


def test_expired_and_signed_anew(seaweed, profile):
    signer = S3Signer(profile, endpoint=seaweed.url, region="us-east-1", lifetime=1)
    signed = signer.url(f"s3://physics/{NAME}")
    assert get(signed.url)[0] == 206
    while time.time() <= signed.expires:
        time.sleep(0.05)
    assert get(signed.url)[0] == 403
    assert get(signer.url(f"s3://physics/{NAME}").url) == (206, CONTENT[:10])


def test_a_source_renews_its_url(seaweed, profile):
    source = HttpSource(
        f"s3://physics/{NAME}", signer=S3Signer(profile, endpoint=seaweed.url, region="us-east-1", lifetime=1)
    )
    assert bytes(source.fetch([Range(0, 10)])[0]) == CONTENT[:10]
    until = time.time() + 1.5
    while time.time() < until:
        time.sleep(0.05)
    assert bytes(source.fetch([Range(5000, 120)])[0]) == CONTENT[5000:]
    source.close()


def test_keys_in_the_environment(seaweed, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    # Of the same name as the endpoint's own URL of the file, which is percent-encoded.
    for file in (f"s3://physics/{NAME}", f"{seaweed.url}/physics/mc20/a%20b%2Bc%252F%26%C3%A9.root"):
        assert get(S3Signer(endpoint=seaweed.url).url(file).url) == (206, CONTENT[:10])


def test_no_credentials_for_s3():
    with pytest.raises(CredentialError, match=r"s3://b/n: no credentials for S3 in AWS_ACCESS_KEY_ID .*~/.aws"):
        S3Signer(endpoint="http://127.0.0.1:1").url("s3://b/n")
    with pytest.raises(CredentialError, match=r"s3://b/n: no credentials for S3 in profile nobody"):
        S3Signer("nobody", endpoint="http://127.0.0.1:1").url("s3://b/n")


@pytest.mark.parametrize("file", ["s3://", "s3://bucket", "s3://bucket/", "https://elsewhere/b/n?secret=1", "b/n"])
def test_what_s3_cannot_sign(file):
    with pytest.raises(ValueError, match=r"not a file that can be signed for: give s3://bucket/name or http") as error:
        S3Signer(endpoint="http://127.0.0.1:1/").url(file)
    assert "secret" not in str(error.value)


def test_an_endpoint_has_no_place_for_secrets():
    for endpoint in ("https://user:secret@host", "https://host/?key=secret", "host", "https://host/path"):
        for signer in (S3Signer, GcsSigner):
            with pytest.raises(ValueError, match="is no endpoint: give scheme, host and port alone") as error:
                signer(endpoint=endpoint)
            assert "secret" not in str(error.value)


# ---------------------------------------------------------------------------------------------------------------- GCS


@pytest.fixture
def account(tmp_path):
    """The path of a service account's key, and the key."""
    return tmp_path / "key.json", write_service_account(tmp_path / "key.json")


def test_a_url_for_google(account, tmp_path):
    """The signature is checked as Google documents it; only Google's own servers check it."""
    import hashlib

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    path, key = account
    signed = GcsSigner(str(path), lifetime=900).url(f"gs://physics/{NAME}")
    parts = urlsplit(signed.url)
    assert (parts.scheme, parts.netloc) == ("https", "storage.googleapis.com")
    assert parts.path == "/physics/mc20/a%20b%2Bc%252F%26%C3%A9.root"
    query, _, signature = parts.query.rpartition("&X-Goog-Signature=")
    values = parse_qs(query)
    assert values["X-Goog-Algorithm"] == ["GOOG4-RSA-SHA256"]
    assert values["X-Goog-Expires"] == ["900"]
    assert signed.expires == pytest.approx(time.time() + 900, abs=5)
    (date,), (scope,) = values["X-Goog-Date"], values["X-Goog-Credential"]
    assert scope == f"reader@physlite-tests.iam.gserviceaccount.com/{date[:8]}/auto/storage/goog4_request"
    canonical = f"GET\n{parts.path}\n{query}\nhost:storage.googleapis.com\n\nhost\nUNSIGNED-PAYLOAD"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"GOOG4-RSA-SHA256\n{date}\n{scope.partition('/')[2]}\n{digest}"
    key.public_key().verify(bytes.fromhex(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())


def test_a_url_that_a_service_like_google_takes(account, tmp_path, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account[0]))
    with gcs(tmp_path / "stored") as server:
        server.put("bucket/mc20/x.root", CONTENT)
        signer = GcsSigner(endpoint=server.endpoint)
        assert isinstance(signer, Signer)
        for file in ("gs://bucket/mc20/x.root", "https://storage.googleapis.com/bucket/mc20/x.root"):
            signed = signer.url(file)
            assert signed.url.startswith(f"{server.endpoint}/bucket/mc20/x.root?")
            assert get(signed.url, 256, 4) == (206, bytes(range(4)))


def test_no_key_for_google(tmp_path, monkeypatch):
    with pytest.raises(CredentialError, match=r"gs://b/n: no key to sign with: .*GOOGLE_APPLICATION_CREDENTIALS"):
        GcsSigner().url("gs://b/n")
    with pytest.raises(CredentialError, match=r"nothing.json: No such file or directory: signing needs the JSON file"):
        GcsSigner(tmp_path / "nothing.json").url("gs://b/n")
    (tmp_path / "user.json").write_text(json.dumps({"type": "authorized_user", "refresh_token": "secret"}))
    with pytest.raises(CredentialError, match=r"user.json: no key of a service account") as error:
        GcsSigner(tmp_path / "user.json").url("gs://b/n")
    assert "secret" not in str(error.value)


# -------------------------------------------------------------------------------------------------------------- Rucio


def asking(server, account):
    return Rucio(server.url, account, auth_type="userpass", username=account)


@pytest.mark.parametrize("file", ["https://storage.googleapis.com/physics/mc20/x.root", "gs://physics/mc20/x.root"])
def test_rucio_signs_for_google(rucio_sites, file):
    signer = RucioSigner(asking(rucio_sites, "signer"), GCS, "gcs", lifetime=900)
    assert isinstance(signer, Signer)
    signed = signer.url(file)
    assert signed.url.startswith("https://storage.googleapis.com/physics/mc20/x.root?GoogleAccessId=reader@")
    assert signed.expires == pytest.approx(time.time() + 900, abs=30)
    assert "%2" in signed.url.partition("&Signature=")[2], "as it was given: a signature has = at its end"


def test_an_account_that_may_not_sign(rucio_sites):
    with pytest.raises(CredentialError) as error:
        RucioSigner(asking(rucio_sites, "physicist"), GCS, "gcs").url("gs://physics/x.root")
    assert str(error.value).startswith(
        f"{GCS}: https://storage.googleapis.com/physics/x.root: "
        f"the account physicist may not do this at {rucio_sites.url} ("
    )


def test_rucio_does_not_sign_this(rucio_sites):
    rucio = asking(rucio_sites, "signer")
    with pytest.raises(ValueError, match="service='azure': one of gcs, s3, swift"):
        RucioSigner(rucio, GCS, "azure")
    with pytest.raises(ValueError, match=r"NOWHERE: https://host/b/n: .* refuses the question"):
        RucioSigner(rucio, "NOWHERE", "gcs").url("https://host/b/n")


@pytest.fixture(scope="session")
def s3_site(rucio_sites, seaweed):
    """A site of Rucio that is the S3 service, with TLS as Rucio has it; only Rucio's server has the key."""
    port = urlsplit(seaweed.tls_url).port
    rse = rucio_sites.add_site("AMAZON_DATADISK", [("https", port, "/physics/")], attributes={"sign_url": "s3"})
    key = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "signature_version": "s3v4", "region": "us-east-1"}
    rucio_sites.add_credentials(rse, key)
    return rse


def test_rucio_signs_for_s3(rucio_sites, s3_site, seaweed):
    signed = RucioSigner(asking(rucio_sites, "signer"), s3_site, "s3", lifetime=600).url(
        f"{seaweed.tls_url}/physics/mc20/x.root"
    )
    assert signed.expires == pytest.approx(time.time() + 600, abs=30)
    assert signed.url.startswith(f"{seaweed.tls_url}/physics/mc20/x.root?X-Amz-Algorithm=AWS4-HMAC-SHA256&")


def test_a_file_of_rucio_behind_signed_urls(rucio_sites, s3_site, seaweed, certificates, monkeypatch, profile):
    """The whole way: the catalogue, a URL that Rucio signs, a service that checks it."""
    from botocore.session import Session

    stored = rucio_sites.add_file("signed.root", CONTENT, [s3_site])
    key = str(rucio_sites.path(s3_site, stored.did).relative_to(rucio_sites.folder / s3_site))
    client = Session(profile=profile).create_client("s3", endpoint_url=seaweed.url, region_name="us-east-1")
    client.put_object(Bucket="physics", Key=key, Body=CONTENT)
    monkeypatch.setenv("X509_CERT_DIR", str(certificates.ca))
    source = RucioSource(stored.did, asking(rucio_sites, "signer"))
    assert [bytes(view) for view in source.fetch([Range(0, 4), Range(5000, 120)])] == [CONTENT[:4], CONTENT[5000:]]
    assert b"X-Amz" not in pickle.dumps(source)
    source.close()
    with pytest.raises(CredentialError, match=rf"{stored.did}: no replica could be read \({s3_site} by https: "):
        RucioSource(stored.did, asking(rucio_sites, "physicist")).fetch([Range(0, 1)])


# ------------------------------------------------------------------------------------------------------------- secrets


def test_signers_travel_without_secrets(rucio_sites, account, profile):
    signers = [
        S3Signer(profile, endpoint="http://127.0.0.1:1", region="us-east-1"),
        GcsSigner(str(account[0]), lifetime=60),
        RucioSigner(asking(rucio_sites, "signer"), GCS, "gcs"),
    ]
    private = json.loads(account[0].read_text())["private_key"].splitlines()[1]
    for signer, file in zip(signers, ("s3://b/n", "gs://b/n", "gs://b/n"), strict=True):
        signed = signer.url(file)
        signature = signed.url.rpartition("ignature=")[2][:20]
        pickled = pickle.dumps(signer)
        for secret in (SECRET_KEY, PASSWORD, private, signature):
            assert secret.encode() not in pickled
            assert secret not in repr(signer) + str(signer) + repr(signed)
        again = pickle.loads(pickled)  # noqa: S301
        assert repr(again) == repr(signer)
        assert again.url(file).url.partition("?")[0] == signed.url.partition("?")[0]


def test_a_signed_url_is_shown_without_its_signature():
    signed = SignedUrl("https://user:secret@host/b/n?Signature=secret", 1.0)
    assert repr(signed) == "SignedUrl('https://host/b/n?…', expires=1)"
