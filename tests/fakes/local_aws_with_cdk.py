"""An AWS on loopback for tests: ministack for everything but Athena, and the CDK command line to deploy to it.

Differences between ministack and AWS are worked around here: `local_athena` serves Athena, `patched_ministack` adds
missing behavior, and `deployable` removes resources that ministack's CloudFormation does not support.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.fakes.athena_on_duckdb import DuckDbRunner
from tests.fakes.forwarding_http_server import serving
from tests.fakes.free_port import free_port
from tests.fakes.local_athena import LocalAthena
from tests.fakes.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
CDK = ROOT / "node_modules" / ".bin" / "cdk"
ACCOUNT = "111122223333"
REGION = "us-east-1"
# Types that ministack's CloudFormation rejects; other tests check them in the template.
UNKNOWN_TYPES = {
    "AWS::Athena::NamedQuery",
    "AWS::BCMDataExports::Export",
    "AWS::Budgets::Budget",
    "AWS::CE::AnomalyMonitor",
    "AWS::CE::AnomalySubscription",
    "AWS::CloudFormation::StackSet",
    "AWS::Lambda::LayerVersion",  # the Python that runs the functions has all packages
}
PUBLIC = "/aws/service/"  # AWS's own SSM parameters
MOST_LAMBDA_SECONDS = 900  # the longest timeout of a Lambda function


@dataclass(frozen=True)
class LocalAws:
    """A running AWS: its endpoint, and the environment of processes that use it."""

    endpoint: str
    environment: dict[str, str]
    athena: LocalAthena
    client: Callable[[str], Any]
    log: Path

    @contextmanager
    def used(self) -> Iterator[None]:
        """Let boto3 and awswrangler use this AWS in this process too, for the length of the block."""
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                patch.delenv(name)
            for name, value in self.environment.items():
                if name.startswith("AWS_"):
                    patch.setenv(name, value)
            patch.setattr(boto3, "DEFAULT_SESSION", None)
            yield

    def cdk(self, *words: str, cwd: Path) -> str:
        """Run the CDK's command line against this AWS, and return its output."""
        command = [str(CDK), *words]
        with tempfile.NamedTemporaryFile() as output:
            log_file = Path(output.name)

            def failure() -> str:
                return f"{' '.join(command)}:\n{log_file.read_text()[-6000:]}\n{self.log.read_text()[-3000:]}"

            with subprocess.Popen(
                command, cwd=cwd, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            ) as run:
                try:
                    wait_until(
                        lambda: run.poll() is not None,
                        progress=lambda: (log_file.stat().st_size, self.log.stat().st_size),
                        failure=failure,
                        stalled_seconds=300,  # synthesizing prints nothing
                    )
                finally:
                    run.kill()
            assert run.returncode == 0, failure()
            return log_file.read_text()

    def bootstrap(self, *, cwd: Path) -> None:
        """Create the resources that `cdk deploy` expects in an account."""
        self.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", "--app", "", cwd=cwd)

    def deploy(self, assembly: Path) -> None:
        """Deploy every stack of a cloud assembly that `deployable` wrote."""
        self.cdk(
            "deploy", "--all", "--require-approval", "never", "--app", str(assembly), cwd=assembly.parent
        )
        functions = self.client("lambda")
        for path in assembly.rglob("*.template.json"):
            for one in json.loads(path.read_text()).get("Resources", {}).values():
                properties = one.get("Properties", {})
                if "ReservedConcurrentExecutions" in properties:  # ministack's CloudFormation ignores it
                    functions.put_function_concurrency(
                        FunctionName=properties["FunctionName"],
                        ReservedConcurrentExecutions=properties["ReservedConcurrentExecutions"],
                    )


@contextmanager
def local_aws(folder: Path) -> Iterator[LocalAws]:
    """Run an AWS, whose files are in `folder`, for the length of the block."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    client = _clients(endpoint)
    tables_folder = folder / "lake"
    tables_folder.mkdir(parents=True)
    athena = LocalAthena(runner=DuckDbRunner(client=client, folder=tables_folder), client=client)
    guarded = ("AmazonAthena.StartQueryExecution",)
    with serving(athena.handle, behind=endpoint, guarded=guarded) as athena_endpoint:
        environment = _environment(folder, endpoint=endpoint, athena_endpoint=athena_endpoint)
        log = folder / "ministack.log"
        with _ministack(port, environment=environment, log=log):
            try:
                yield LocalAws(endpoint, environment, athena, client, log)
            finally:  # statements that outlive their tables' S3 would retry for half a minute
                athena.workers.shutdown(cancel_futures=True)


@contextmanager
def _ministack(port: int, *, environment: dict[str, str], log: Path) -> Iterator[None]:
    own = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
    own |= {"MINISTACK_ACCOUNT_ID": ACCOUNT}
    own |= {"AUTH": "true"}  # a role may do only what its policies allow
    scratch = log.with_name("scratch")  # for its Lambda functions
    scratch.mkdir()
    own["TMPDIR"] = str(scratch)
    with log.open("w") as log_file:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("patched_ministack.py"))],
            cwd=log.parent,
            env={**environment, **own},
            stdin=subprocess.PIPE,
            stdout=log_file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _await_ready(process, port, log=log)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # with the processes of its Lambda functions
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _await_ready(process: subprocess.Popen[bytes], port: int, *, log: Path) -> None:

    def failure() -> str:
        return f"ministack did not get ready:\n{log.read_text()[-3000:]}"

    def ready() -> bool:
        assert process.poll() is None, failure()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/ready", timeout=2):
                return True
        except OSError:
            return False

    wait_until(ready, progress=lambda: log.stat().st_size, failure=failure)


def _environment(folder: Path, *, endpoint: str, athena_endpoint: str) -> dict[str, str]:
    """Return the environment of AWS clients: the endpoints, and no profile, credentials or settings of the user."""
    removed = ("AWS_", "FOCUSWATCH_", "POWERTOOLS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(removed)}
    return {
        **kept,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL_ATHENA": athena_endpoint,
        "AWS_ACCESS_KEY_ID": ACCOUNT,  # ministack uses an access key of twelve digits as the account
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(folder / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "no-credentials"),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CI": "true",  # so the CDK prints to stdout, and does not prompt
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _clients(endpoint: str) -> Callable[[str], Any]:
    """Return a function that creates one client per service for ministack itself."""
    created: dict[str, Any] = {}
    session = boto3.Session(ACCOUNT, "x", region_name=REGION)

    def client(service: str) -> Any:
        if service not in created:
            created[service] = session.client(
                service, endpoint_url=endpoint, config=Config(read_timeout=MOST_LAMBDA_SECONDS)
            )
        return created[service]

    return client


def deployable(assembly: Path, into: Path) -> set[str]:
    """Copy a cloud assembly without the resources that ministack cannot deploy; return their types."""
    shutil.copytree(assembly, into)
    left_out: set[str] = set()
    for path in into.rglob("*.template.json"):
        template = json.loads(path.read_text())
        resources = template.get("Resources", {})
        unknown = {name: unknown_of(one) for name, one in resources.items()}
        removed = {name for name, type_ in unknown.items() if type_}
        for name in removed:
            del resources[name]
            left_out.add(str(unknown[name]))
        for one in resources.values():
            _remove_references(one, removed)
        parameters = template.get("Parameters", {})
        for name in [name for name, one in parameters.items() if one.get("Default", "").startswith(PUBLIC)]:
            del parameters[name]  # the versions of the layers
        outputs = template.get("Outputs", {})
        for name in [name for name, one in outputs.items() if _mentions(one, removed)]:
            del outputs[name]
        path.write_text(json.dumps(template))
    return left_out


def unknown_of(resource: dict[str, Any]) -> str | None:
    """Return the type of a resource that ministack does not support, such as an alarm on metric math; else None."""
    if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]:
        return "AWS::CloudWatch::Alarm over several metrics"
    return resource["Type"] if resource["Type"] in UNKNOWN_TYPES else None


def _remove_references(resource: dict[str, Any], removed: set[str]) -> None:
    dependencies = resource.get("DependsOn", [])
    dependencies = [dependencies] if isinstance(dependencies, str) else dependencies
    resource["DependsOn"] = [name for name in dependencies if name not in removed]
    if resource["Type"] == "AWS::Lambda::Function":
        resource["Properties"].pop("Layers", None)
        # A busy machine is slower than AWS; other tests check the timeouts in the template.
        resource["Properties"]["Timeout"] = MOST_LAMBDA_SECONDS
    assert not _mentions(resource.get("Properties"), removed), f"{resource} needs a removed resource"


def _mentions(value: Any, names: set[str]) -> bool:
    match value:
        case {"Ref": str(name)}:
            return name in names
        case {"Fn::GetAtt": [str(name), *_]}:
            return name in names
        case dict():
            return any(_mentions(one, names) for one in value.values())
        case list():
            return any(_mentions(one, names) for one in value)
    return False
