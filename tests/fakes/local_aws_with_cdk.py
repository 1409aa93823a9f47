"""An AWS on loopback for tests: ministack for everything but Athena, and the CDK command line to deploy to it.

Where ministack differs from AWS the difference is worked around here: Athena is answered by us, `patched_ministack`
mends what it lacks, and `deployable` leaves out of a synthesized app what its CloudFormation does not know.
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
# Types that ministack's CloudFormation refuses; they are checked in the template.
UNKNOWN_TYPES = {
    "AWS::Athena::NamedQuery",
    "AWS::BCMDataExports::Export",
    "AWS::Budgets::Budget",
    "AWS::CE::AnomalyMonitor",
    "AWS::CE::AnomalySubscription",
    "AWS::CloudFormation::StackSet",
    "AWS::Lambda::LayerVersion",  # its own Python has it all
}
PUBLIC = "/aws/service/"  # AWS's own SSM parameters
ANSWER_SECONDS = LONGEST_SECONDS = 900  # the longest that a Lambda may run


@dataclass(frozen=True)
class LocalAws:
    """A running AWS: where it is, and what a process needs in its environment to talk to it."""

    endpoint: str
    environment: dict[str, str]
    athena: LocalAthena
    client: Callable[[str], Any]
    log: Path

    @contextmanager
    def used(self) -> Iterator[None]:
        """Let boto3 and awswrangler talk to this AWS, in this process too."""
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                patch.delenv(name)
            for name, value in self.environment.items():
                if name.startswith("AWS_"):
                    patch.setenv(name, value)
            patch.setattr(boto3, "DEFAULT_SESSION", None)
            yield

    def cdk(self, *words: str, cwd: Path) -> str:
        """Run the CDK's command line against this AWS, and give back what it said."""
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
                        stalled_seconds=300,  # synthesizing says nothing
                    )
                finally:
                    run.kill()
            assert run.returncode == 0, failure()
            return log_file.read_text()

    def bootstrap(self, *, cwd: Path) -> None:
        """Create the resources that `cdk deploy` expects in an account."""
        self.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", "--app", "", cwd=cwd)

    def deploy(self, assembly: Path) -> None:
        """Deploy every stack of a cloud assembly; `deployable` made it."""
        self.cdk(
            "deploy", "--all", "--require-approval", "never", "--app", str(assembly), cwd=assembly.parent
        )
        functions = self.client("lambda")
        for path in assembly.rglob("*.template.json"):
            for one in json.loads(path.read_text()).get("Resources", {}).values():
                properties = one.get("Properties", {})
                if "ReservedConcurrentExecutions" in properties:  # ministack's CloudFormation leaves it out
                    functions.put_function_concurrency(
                        FunctionName=properties["FunctionName"],
                        ReservedConcurrentExecutions=properties["ReservedConcurrentExecutions"],
                    )


@contextmanager
def local_aws(folder: Path) -> Iterator[LocalAws]:
    """Start an AWS whose files are in `folder`, and stop it."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    client = _clients(endpoint)
    tables_folder = folder / "lake"
    tables_folder.mkdir(parents=True)
    athena = LocalAthena(runner=DuckDbRunner(client=client, folder=tables_folder), client=client)
    guarded = ("AmazonAthena.StartQueryExecution",)
    with serving(athena.handle, behind=endpoint, guarded=guarded) as ours:
        environment = _environment(folder, endpoint=endpoint, ours=ours)
        log = folder / "ministack.log"
        with _ministack(port, environment=environment, log=log):
            yield LocalAws(endpoint, environment, athena, client, log)


@contextmanager
def _ministack(port: int, *, environment: dict[str, str], log: Path) -> Iterator[None]:
    own = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
    own |= {
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "AUTH": "true",
    }  # a role may do what its policies say, and no more
    scratch = log.with_name("scratch")  # of its Lambdas
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
            os.killpg(process.pid, signal.SIGTERM)  # its Lambdas too
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


def _environment(folder: Path, *, endpoint: str, ours: str) -> dict[str, str]:
    """Return the environment of AWS clients: the endpoints, and no profile, credentials or settings of the user."""
    ours_alone = ("AWS_", "FOCUSWATCH_", "POWERTOOLS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours_alone)}
    return {
        **kept,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL_ATHENA": ours,
        "AWS_ACCESS_KEY_ID": ACCOUNT,  # ministack takes twelve digits for the account
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(folder / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "no-credentials"),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CI": "true",  # the CDK then talks to stdout, and asks nothing
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _clients(endpoint: str) -> Callable[[str], Any]:
    """Clients that talk to ministack itself, one for each service."""
    created: dict[str, Any] = {}
    session = boto3.Session(ACCOUNT, "x", region_name=REGION)

    def client(service: str) -> Any:
        if service not in created:
            created[service] = session.client(
                service, endpoint_url=endpoint, config=Config(read_timeout=ANSWER_SECONDS)
            )
        return created[service]

    return client


def deployable(assembly: Path, into: Path) -> set[str]:
    """Copy a cloud assembly less what ministack cannot deploy; the types that were left out."""
    shutil.copytree(assembly, into)
    left_out: set[str] = set()
    for path in into.rglob("*.template.json"):
        template = json.loads(path.read_text())
        resources = template.get("Resources", {})
        unknown = {name: unknown_of(one) for name, one in resources.items()}
        gone = {name for name, what in unknown.items() if what}
        for name in gone:
            del resources[name]
            left_out.add(str(unknown[name]))
        for one in resources.values():
            _forget(one, gone)
        parameters = template.get("Parameters", {})
        for name in [name for name, one in parameters.items() if one.get("Default", "").startswith(PUBLIC)]:
            del parameters[name]  # of the layers
        outputs = template.get("Outputs", {})
        for name in [name for name, one in outputs.items() if _mentions(one, gone)]:
            del outputs[name]
        path.write_text(json.dumps(template))
    return left_out


def unknown_of(resource: dict[str, Any]) -> str | None:
    """Return the type of a resource that ministack does not support, or an alarm over metric math; else None."""
    if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]:
        return "AWS::CloudWatch::Alarm over several metrics"
    return resource["Type"] if resource["Type"] in UNKNOWN_TYPES else None


def _forget(resource: dict[str, Any], gone: set[str]) -> None:
    waits = resource.get("DependsOn", [])
    waits = [waits] if isinstance(waits, str) else waits
    resource["DependsOn"] = [name for name in waits if name not in gone]
    if resource["Type"] == "AWS::Lambda::Function":
        resource["Properties"].pop("Layers", None)
        # A busy machine is slower than AWS: what a function may take is checked in the template.
        resource["Properties"]["Timeout"] = LONGEST_SECONDS
    assert not _mentions(resource.get("Properties"), gone), f"{resource} needs what cannot be deployed there"


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
