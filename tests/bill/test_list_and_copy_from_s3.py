"""An export in S3 is read like a folder, over HTTP; only changed objects are copied."""

import json
import sys
from pathlib import Path

import boto3
import botocore.loaders
import botocore.session
import pytest
import requests
from moto.server import ThreadedMotoServer

from focuswatch.errors import ConfigError, ExportError
from tests.given.exports import HOURLY, Reader, deliver, read, write

BUCKET = "bills"
LOADER = botocore.loaders.create_loader()


@pytest.fixture(scope="module")
def server():
    """Start S3 on loopback, and yield its address."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def s3(server, monkeypatch, tmp_path):
    """Create an empty bucket, set the environment of a user, and return a client."""
    requests.post(f"{server}/moto-api/reset", timeout=5)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
    }.items():
        monkeypatch.setenv(name, value)
    replace_default_session(monkeypatch)
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


def replace_default_session(monkeypatch):
    """Replace the default session, which caches credentials; the data of botocore is loaded only once."""
    session = botocore.session.Session()
    session.register_component("data_loader", LOADER)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.session.Session(botocore_session=session))


def upload(client, folder, prefix=""):
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            client.upload_file(str(path), BUCKET, f"{prefix}{path.relative_to(folder)}")


def copies(reader):
    """Return the names of the data files that are kept as local copies."""
    return sorted(
        Path(name).name for name in reader.stored() if name.startswith("s3/") and "anifest" not in name
    )


@pytest.fixture
def export(tmp_path):
    """Write two billing periods of daily charges, each in one file."""
    deliver(tmp_path / "up" / "focus", {"BilledCost": "1"}, period="2026-04")
    deliver(tmp_path / "up" / "focus", {"BilledCost": "2"}, period="2026-05")
    return tmp_path / "up"


@pytest.mark.parametrize("address", ["/", "/pre/focus/data", "/pre/focus/data/billing_period=2026-05"])
def test_export_in_s3_is_found_at_each_level(s3, export, tmp_path, address):
    """The address may be the bucket, a folder or one billing period."""
    upload(s3, export, "pre/")
    reader = read(f"s3://{BUCKET}{address}", tmp_path / "state")
    assert reader.billed() == (2.0 if "2026-05" in address else 3.0)


def test_flat_files_and_a_single_object_are_read(s3, tmp_path):
    """Objects whose key only starts with the same characters are not read."""
    for name, cost in (("x/a.csv", "1"), ("x/b.csv.gz", "2"), ("x/y/c 🙂'.parquet", "4"), ("x2/d.csv", "8")):
        write(tmp_path / "up" / name, {"BilledCost": cost})
    upload(s3, tmp_path / "up")
    s3.put_object(Bucket=BUCKET, Key="x/", Body=b"")  # how the S3 console creates a folder
    assert read(f"s3://{BUCKET}/x", tmp_path / "state").billed() == 7.0
    assert read(f"s3://{BUCKET}/x/a.csv", tmp_path / "other").billed() == 1.0


def test_only_changed_objects_are_copied_after_a_note(s3, export, tmp_path):
    """Objects are compared by ETag; the copy of the other period is kept."""
    upload(s3, export)
    reader = read(f"s3://{BUCKET}/focus", tmp_path / "state")
    unchanged_copy = next(
        path for path in reader.state.rglob("*.parquet") if "2026-04" in str(path) and "s3" in path.parts
    )
    copied_at = unchanged_copy.stat().st_mtime_ns
    assert reader.refresh().changed == ()
    deliver(export / "focus", {"BilledCost": "5"}, period="2026-05")
    upload(s3, export)
    assert reader.refresh().changed == ("2026-05",)
    assert reader.said[-1].startswith("1 of 2 deliveries changed: 1 file, ")
    assert reader.billed() == 6.0
    assert unchanged_copy.stat().st_mtime_ns == copied_at
    assert copies(reader) == ["focus-00001.snappy.parquet"] * 2  # the old copy was deleted


def test_folded_objects_are_not_kept_and_not_copied_again(s3, tmp_path):
    """Hourly exports are large; their daily charges are sufficient."""
    deliver(tmp_path / "up" / "focus", HOURLY, {**HOURLY, "BilledCost": "4"})
    upload(s3, tmp_path / "up")
    reader = read(f"s3://{BUCKET}", tmp_path / "state")
    assert copies(reader) == []
    assert reader.refresh().changed == ()
    assert reader.said[-1] == "0 of 1 deliveries changed: 0 files, 0.00 GiB to read"
    assert reader.billed() == 5.0


def test_deleted_copy_is_downloaded_again(s3, export, tmp_path):
    upload(s3, export)
    reader = read(f"s3://{BUCKET}", tmp_path / "state")
    next(reader.state.glob("s3/*/focus/data/billing_period=2026-04/*")).unlink()
    assert reader.refresh().changed == ("2026-04",)
    assert reader.billed() == 3.0


def test_only_the_newest_execution_is_copied(s3, tmp_path):
    """With CREATE_NEW, AWS keeps the files of each delivery."""
    for execution, cost in (("20260502T060000Z-b", "1"), ("20260503T060000Z-a", "2")):
        deliver(tmp_path / "up" / "focus", {"BilledCost": cost}, execution=execution)
    upload(s3, tmp_path / "up")
    reader = read(f"s3://{BUCKET}", tmp_path / "state")
    assert reader.billed() == 2.0
    assert len(copies(reader)) == 1


def test_error_contains_the_address_of_the_object(s3, export, tmp_path):
    """It does not contain the path of the copy; the state is unchanged."""
    upload(s3, export)
    reader = read(f"s3://{BUCKET}", tmp_path / "state")
    before = {name: content for name, content in reader.stored().items() if not name.startswith("s3/")}
    s3.put_object(
        Bucket=BUCKET, Key="focus/data/billing_period=2026-05/focus-00001.snappy.parquet", Body=b"[]"
    )
    with pytest.raises(ExportError) as caught:
        reader.refresh()
    assert str(caught.value).startswith(
        f"s3://{BUCKET}/focus/data/billing_period=2026-05/focus-00001.snappy.parquet is a JSON file"
    )
    after = {name: content for name, content in reader.stored().items() if not name.startswith("s3/")}
    assert after == before


def test_object_that_changes_during_the_download_is_refused(s3, export, tmp_path):
    """A mixture of two deliveries must not be read."""
    upload(s3, export)
    reader = Reader(f"s3://{BUCKET}", tmp_path / "state")
    key = "focus/data/billing_period=2026-05/focus-00001.snappy.parquet"
    reader.said = Interfering(lambda: s3.put_object(Bucket=BUCKET, Key=key, Body=b"new"))
    with pytest.raises(ExportError, match=f"s3://{BUCKET}/{key}: the object was replaced while"):
        reader.refresh()
    reader.said = Interfering(lambda: s3.delete_object(Bucket=BUCKET, Key=key))
    with pytest.raises(ExportError, match=f"s3://{BUCKET}/{key}: the object was deleted while"):
        reader.refresh()
    assert not list(reader.state.rglob("part-*"))


class Interfering(list):
    """A list of progress messages that calls a function between a message and the copying that follows it."""

    def __init__(self, act):
        self.act = act

    def append(self, text):
        self.act()


def test_missing_listed_object_is_refused(s3, tmp_path):
    """The same error is raised for a folder."""
    deliver(tmp_path / "up" / "focus", listed=("a.parquet", "b.parquet"))
    upload(s3, tmp_path / "up")
    with pytest.raises(
        ExportError,
        match=rf"^s3://{BUCKET}/focus/metadata/.*-Manifest\.json: the manifest lists .*b\.parquet",
    ):
        read(f"s3://{BUCKET}", tmp_path / "state")


@pytest.mark.parametrize(
    ("address", "error", "text"),
    [
        ("s3://nowhere-at-all/x", ExportError, "the bucket does not exist"),
        (f"s3://{BUCKET}/nothing", ExportError, "no objects found under this address"),
        ("s3:///x", ConfigError, "no bucket specified"),
    ],
)
def test_address_without_objects_is_an_error(s3, tmp_path, address, error, text):
    """For example, a mistyped name."""
    with pytest.raises(error, match=f"^{address}: {text}"):
        read(address, tmp_path / "state")


def test_missing_credentials_are_an_error_with_a_remedy(s3, tmp_path, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    replace_default_session(monkeypatch)
    with pytest.raises(
        ConfigError, match=f"^s3://{BUCKET}: no usable AWS credentials were found. Run .aws sso login"
    ):
        read(f"s3://{BUCKET}", tmp_path / "state")


def test_denied_access_is_an_error_with_the_required_permissions(s3, server, tmp_path, monkeypatch):
    """The user has no policy, or the access key is unknown."""
    iam = boto3.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    requests.post(f"{server}/moto-api/reset-auth", data="0", timeout=5)
    try:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        replace_default_session(monkeypatch)
        with pytest.raises(
            ConfigError, match=f"^s3://{BUCKET}: access is denied. .* s3:ListBucket .* s3:GetObject"
        ):
            read(f"s3://{BUCKET}", tmp_path / "state")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN")
        replace_default_session(monkeypatch)
        with pytest.raises(ConfigError, match=f"^s3://{BUCKET}: no usable AWS credentials"):
            read(f"s3://{BUCKET}", tmp_path / "state")
    finally:
        requests.post(f"{server}/moto-api/reset-auth", data=json.dumps(float("inf")), timeout=5)


def test_unreachable_endpoint_is_an_error(s3, tmp_path, monkeypatch):
    """For example, on a laptop without network."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(ExportError, match=f"^s3://{BUCKET}: S3 cannot be reached"):
        read(f"s3://{BUCKET}", tmp_path / "state")


def test_missing_boto3_is_an_error_with_the_install_command(tmp_path, monkeypatch):
    """The default installation contains only the packages that a scan of files needs."""
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ConfigError, match=r"pip install 'focuswatch\[aws\]'"):
        read(f"s3://{BUCKET}", tmp_path / "state")


@pytest.mark.parametrize("key", ["focus/../../../x", "../x", "focus/./x", ".."])
def test_address_with_dot_segments_is_refused(s3, tmp_path, key):
    """In S3, `..` is part of a name; on disk, copies would be written outside of the state."""
    s3.put_object(Bucket=BUCKET, Key=f"{key}/a.csv", Body=b"x")
    with pytest.raises(ConfigError, match="contains a path segment `.` or `..`"):
        read(f"s3://{BUCKET}/{key}", tmp_path / "state")
    assert not any(path.name == "a.csv" for path in tmp_path.rglob("*"))


def test_object_key_with_dot_segments_is_refused(s3, tmp_path):
    """This holds even if the address itself is valid."""
    s3.put_object(Bucket=BUCKET, Key="focus/../../../x/a.csv", Body=b"x")
    with pytest.raises(ExportError, match=r"the key contains `.` or `..` as a path segment"):
        read(f"s3://{BUCKET}/focus", tmp_path / "state")
