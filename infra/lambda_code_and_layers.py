"""Package the code of the Lambda functions as a zip, and provide their layers: focuswatch's own and AWS's public ones.

The zip has the folder structure of the repository, so that imports are the same everywhere. focuswatch's own layer
contains the packages that are missing in the runtime and in AWS's layers; pip downloads the wheels for Lambda's
platform, without Docker.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import AssetHashType, IgnoreMode, aws_lambda, aws_ssm
from constructs import Construct

from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = aws_lambda.Runtime.PYTHON_3_13
ARCHITECTURE = aws_lambda.Architecture.ARM_64
PACKED = ("focuswatch", "athena_sql", "lambdas", "config")
UNPACKED = (
    "**/__pycache__",
    "focuswatch/simulate",
    "focuswatch/cli",
    "focuswatch/mcp_server",
)
DUCKDB_PACKAGES = ("duckdb",)  # 63 MB, only for the function `bills`
LAYER_PACKAGES = ("pydantic", "slack_sdk", "jira", "requests", "urllib3")
# Lambda extracts layers in order, focuswatch's own layer last: https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
LAYER_PATH = "python/lib/python3.13/site-packages"
PIP_PLATFORM = ("manylinux2014_aarch64", "manylinux_2_28_aarch64")


def lambda_code() -> aws_lambda.Code:
    """Return the zip, whose hash depends only on the files in it."""
    exclude = ["/*", *(f"!/{folder}" for folder in PACKED), *UNPACKED]
    return aws_lambda.Code.from_asset(str(ROOT), exclude=exclude, ignore_mode=IgnoreMode.GIT)


@dataclass(frozen=True)
class Layers:
    """AWS's layers, resolved from public SSM parameters at deployment, and focuswatch's own, which overrides them."""

    sdk_for_pandas: aws_lambda.ILayerVersion
    powertools: aws_lambda.ILayerVersion
    ours: aws_lambda.ILayerVersion


def layers(scope: Construct, *, deployment: Deployment, name: str | None = None) -> Layers:
    """Return the layers for one stack; `name` is the name of the own layer in a stack other than the pipeline's."""
    parameters = {
        "SdkForPandas": f"/aws/service/aws-sdk-pandas/{deployment.functions.sdk_for_pandas}/py3.13/arm64/layer-arn",
        "Powertools": f"/aws/service/powertools/python/arm64/python3.13/{deployment.functions.powertools}",
    }
    sdk_for_pandas, powertools = (
        aws_lambda.LayerVersion.from_layer_version_arn(
            scope, id, aws_ssm.StringParameter.value_for_string_parameter(scope, parameter)
        )
        for id, parameter in parameters.items()
    )
    ours = aws_lambda.LayerVersion(
        scope,
        "Layer",
        layer_version_name=name or f"{deployment.name}-packages",
        description="Python packages that focuswatch needs but that are not in the AWS Lambda layers: "
        + ", ".join(LAYER_PACKAGES),
        code=layer_code(LAYER_PACKAGES),
        compatible_runtimes=[RUNTIME],
        compatible_architectures=[ARCHITECTURE],
    )
    return Layers(sdk_for_pandas, powertools, ours)


def duckdb_layer(scope: Construct, *, deployment: Deployment) -> aws_lambda.LayerVersion:
    """Return the layer that contains DuckDB."""
    return aws_lambda.LayerVersion(
        scope,
        "DuckDbLayer",
        layer_version_name=f"{deployment.name}-duckdb",
        description="DuckDB, which focuswatch uses to read bills from providers other than AWS",
        code=layer_code(DUCKDB_PACKAGES),
        compatible_runtimes=[RUNTIME],
        compatible_architectures=[ARCHITECTURE],
    )


def layer_code(packages: tuple[str, ...]) -> aws_lambda.Code:
    """Return the code of a layer with these packages, built once per set of pinned versions and cached in build/."""
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    digest = hashlib.sha256("\n".join((*packages, *PIP_PLATFORM, LAYER_PATH, pins)).encode()).hexdigest()
    built = ROOT / "build" / f"layer-{digest[:16]}"
    if not built.exists():
        _build(built, packages)
    return aws_lambda.Code.from_asset(str(built), asset_hash=digest, asset_hash_type=AssetHashType.CUSTOM)


def _build(target: Path, packages: tuple[str, ...]) -> None:
    """Install into a temporary folder and rename it, so that parallel or interrupted builds do no harm."""
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        platforms = [f"--platform={platform}" for platform in PIP_PLATFORM]
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            *platforms,
        ]
        command += ["--implementation=cp", "--python-version=3.13", "--only-binary=:all:", "--no-compile"]
        command += [f"--constraint={ROOT / 'constraints.txt'}", f"--target={scratch}/layer/{LAYER_PATH}"]
        subprocess.run([*command, *packages], check=True)
        shutil.rmtree(Path(scratch) / "layer" / LAYER_PATH / "bin", ignore_errors=True)
        try:
            (Path(scratch) / "layer").rename(target)
        except OSError:
            if not target.exists():  # otherwise a parallel build finished first
                raise
