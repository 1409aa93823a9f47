"""List an export in S3 and copy its files to this machine, with the user's AWS credentials and settings.

The path of a copy contains a digest of the object's ETag and size, so that the old copy remains until the refresh that
replaces it has succeeded. s3_errors translates the errors of S3.
"""

import hashlib
import os
import re
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from focuswatch.bill.ingest.export_file_and_listing_models import ExportFile, Listing, split_scope
from focuswatch.bill.ingest.s3_errors import translate_s3_errors
from focuswatch.errors import ConfigError, ExportError, NothingDelivered

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SCHEME = "s3://"
PARALLEL_FILES = 8
CHUNK_BYTES = 8 << 20
CONNECTIONS = 16
ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")


def list_s3(address: str, *, mirror: Path) -> Listing:
    """Return the objects under an s3:// address; the listing's `fetch` copies them into `mirror`.

    Raises ConfigError if boto3, credentials or permissions are missing, and ExportError if there are no objects.
    """
    bucket, _, key = address.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise ConfigError(f"{address}: no bucket specified; expected s3://bucket/prefix")
    if _leaves_its_folder(key):
        raise ConfigError(
            f"{address} contains a path segment `.` or `..`, which S3 does not resolve. Remove the segment"
        )
    objects = _Objects(address=address, bucket=bucket, mirror=mirror, client=s3_client())
    root, scope = split_scope(PurePosixPath(key))
    files = objects.under(str(root)) if scope.parts else objects.under(key)
    if scope.parts and not any(file.name.parts[0].lower() == "metadata" for file in files):
        scope, files = PurePosixPath(), objects.under(key)
    if not files:
        raise NothingDelivered(
            f"{address}: no objects found under this address. Check the bucket and the prefix"
        )
    return Listing(address, files, scope=scope, fetch=objects.fetch, named=objects.named)


def delete_unused_copies(mirror: Path, *, keep: Iterable[Path]) -> None:
    """Delete all copies except those in `keep`."""
    kept = {path.relative_to(mirror).parts[0] for path in keep if path.is_relative_to(mirror)}
    for version in mirror.glob("*"):
        if version.name not in kept:
            shutil.rmtree(version, ignore_errors=True)


def _leaves_its_folder(key: str) -> bool:
    """Return whether a key has a segment `.` or `..`, which S3 keeps but a local path would resolve."""
    return any(part in (".", "..") for part in key.split("/"))


@dataclass(frozen=True)
class _Objects:
    """The objects of one bucket, and their copies below `mirror`."""

    address: str
    bucket: str
    mirror: Path
    client: "S3Client"

    def under(self, prefix: str) -> tuple[ExportFile, ...]:
        """Return the objects below `prefix`, named relative to it, or else the object with exactly this key."""
        folder = f"{prefix.rstrip('/')}/" if prefix.strip("./") else ""
        with translate_s3_errors(self.address):
            if found := tuple(self._list(folder, above=len(folder))):
                return found
            above = prefix.rfind("/") + 1
            return tuple(file for file in self._list(prefix, above=above) if file.key == prefix)

    def fetch(self, files: Sequence[ExportFile]) -> None:
        """Copy the missing files in parallel; a copy appears at its path only when it is complete."""
        missing = [file for file in files if not file.path.exists()]
        with ThreadPoolExecutor(PARALLEL_FILES) as pool:
            for _ in pool.map(self._copy, missing):
                pass

    def named(self, text: str) -> str:
        """Return `text` with the paths of copies replaced by the S3 addresses of the objects."""
        return re.sub(re.escape(f"{self.mirror}/") + "[0-9a-f]{16}/", f"{SCHEME}{self.bucket}/", text)

    def _list(self, prefix: str, *, above: int) -> Iterator[ExportFile]:
        """Yield the objects whose key starts with `prefix`, named by the key without its first `above` characters."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        for found in (found for page in pages for found in page.get("Contents", [])):
            key = found["Key"]
            name = PurePosixPath(key[above:].lstrip("/"))
            if _leaves_its_folder(key):
                raise ExportError(
                    f"{SCHEME}{self.bucket}/{key}: the key contains `.` or `..` as a path segment, so the file cannot "
                    "be copied to the state folder. Rename the object, or specify a prefix that does not include "
                    "the object"
                )
            if key.endswith("/"):
                continue
            version = hashlib.sha256(f"{found['ETag']} {found['Size']}".encode()).hexdigest()[:16]
            yield ExportFile(
                name=name,
                path=self.mirror / version / key.lstrip("/"),
                size=found["Size"],
                modified=found["LastModified"],
                stamp=found["ETag"],
                key=key,
            )

    def _copy(self, file: ExportFile) -> None:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        part = file.path.with_name(f"part-{threading.get_ident()}")
        try:
            with translate_s3_errors(f"{SCHEME}{self.bucket}/{file.key}"), part.open("wb") as copy:
                # IfMatch: fail if the object was replaced since it was listed, so that no copy mixes two versions.
                response = self.client.get_object(Bucket=self.bucket, Key=file.key, IfMatch=file.stamp)
                for chunk in response["Body"].iter_chunks(CHUNK_BYTES):
                    copy.write(chunk)
                os.fsync(copy.fileno())
            part.replace(file.path)
        finally:
            part.unlink(missing_ok=True)


def s3_client() -> "S3Client":
    """Return a client with the user's own credentials, region and endpoint. Raises ConfigError without boto3."""
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise ConfigError(
            "reading s3:// requires boto3. Install boto3 with: pip install 'focuswatch[aws]'"
        ) from error
    own_endpoint = any(os.environ.get(name) for name in ENDPOINTS)
    config = Config(
        max_pool_connections=CONNECTIONS,
        retries={"mode": "standard"},
        s3={"addressing_style": "path"}
        if own_endpoint
        else {},  # custom endpoints often do not resolve bucket.host
    )
    return boto3.client("s3", config=config)
