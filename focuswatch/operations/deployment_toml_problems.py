"""State each problem of `config/deployment.toml` in a sentence: rejected values, conflicts of keys, placeholders."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import ValidationError

from focuswatch.operations.deployment_toml_sections import VENDORS
from focuswatch.operations.resource_names import PAYER_REGION

if TYPE_CHECKING:
    from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment

# Regions of AWS's other partitions, whose ARNs, services and prices differ:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
OTHER_PARTITION = re.compile(r"^(cn|us-gov|us-iso[a-z]*|eu-isoe|eusc)-")
# Names of roles that AWS or its landing zones create with administrator access, and other names of administrator roles:
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html
ADMINISTRATOR = re.compile(
    r"admin|poweruser|OrganizationAccountAccess|AWSControlTower|^AWSReservedSSO|StackSetExecution|^cdk-",
    re.IGNORECASE,
)
# The placeholder values of the shipped config/deployment.toml; placeholder_problems refuses to deploy them.
SHIPPED_ACCOUNT, SHIPPED_ORGANIZATION, SHIPPED_ROOT = "123456789012", "o-a1b2c3d4e5", "r-ab12"
SHIPPED_EXTERNAL_ID = "change-me-to-something-long"


# The top-level folders of the data bucket that focuswatch writes to.
WRITTEN = ("tables", "athena-results", "collected", "page", "ocsf", VENDORS)
NO_LEADING_DOT = (
    "expected folder names that do not start with a dot, because copy tools can hide a folder whose name starts with "
    "a dot, or interpret . and .. as relative paths"
)


def validation_problems(error: ValidationError) -> Iterator[str]:
    """Yield a sentence for each value that pydantic rejected: its key, what was found and what was expected."""
    for problem in error.errors():
        key = ".".join(map(str, problem["loc"]))
        pattern = str(problem.get("ctx", {}).get("pattern"))
        match problem["type"]:
            case "missing":
                yield f"{key}: missing; add the key."
            case "extra_forbidden":
                yield f"{key}: unknown key; remove the key or correct its spelling."
            case "string_pattern_mismatch":
                yield f"{key}: found {problem['input']!r}, expected {_expected(key, pattern)}."
            case _:
                yield f"{key}: found {problem['input']!r}; {problem['msg'][0].lower()}{problem['msg'][1:]}."


def _expected(key: str, pattern: str) -> str:
    descriptions = {
        r"accounts\.(payer|pipeline)": "a 12-digit account ID",
        r"(.*regions\.\d+|accounts\.region)": "a Region such as eu-west-1",
        r".*emails\.\d+": "an email address",
        r"organi[sz]ation\.id": "an organization ID such as o-a1b2c3d4e5",
        r"organi[sz]ation\.ous\.\d+": "a root (r-ab12) or an OU (ou-ab12-11111111)",
        r"export\.first_month": "a month such as 2025-01",
        r"email\.sender": "an email address",
        r"bills\.\d+\.name": "a name of at most 31 lowercase letters, digits and hyphens, such as azure",
        r"bills\.\d+\.prefix": "a prefix that does not start or end with a slash, such as bills/azure",
        r"secrets\.\w+": "a secret name of letters, digits and the characters /_+=.@-",
        r"invocation_logs\.log_groups\.\d+": "the name of a log group such as /aws/bedrock/modelinvocations",
        r"anomalies\.monitor_arn": "an ARN such as arn:aws:ce::123456789012:anomalymonitor/…",
        r"organi[sz]ation\.https_endpoints\.\d+": "a URL prefix such as https://hooks.example.com/focuswatch/",
    }
    return next(
        (text for keys, text in descriptions.items() if re.fullmatch(keys, key)),
        f"a value that matches {pattern}",
    )


def deployment_problems(deployment: "Deployment") -> Iterator[str]:
    """Yield a sentence for each problem that the validation of single values does not detect."""
    if not deployment.organization.ous:
        yield (
            "organization.ous: no OU specified; "
            "expected the root (r-…) or the OUs whose accounts get the member role."
        )
    if PAYER_REGION not in deployment.budgets.approved_regions:
        yield f"budgets.approved_regions: add {PAYER_REGION}; AWS charges for global services in this Region."
    if len(deployment.bucket) > 63:
        yield f"name: the bucket name '{deployment.bucket}' exceeds 63 characters, the limit of S3; shorten the name."
    for key in deployment.tags:
        if key.lower().startswith("aws:") or len(key) > 128:
            yield f"tags.{key}: expected a key of at most 128 characters that does not start with aws:."
    yield from _prefix_problems(deployment)
    yield from _role_problems(deployment)
    yield from _monitor_problems(deployment)
    yield from _controls_problems(deployment)
    yield from _connector_problems(deployment)
    yield from _bill_problems(deployment)
    yield from _partition_problems(deployment)


def _prefix_problems(deployment: "Deployment") -> Iterator[str]:
    for key, prefix in (("export", deployment.export.prefix), ("principals", deployment.principals.prefix)):
        if prefix.split("/")[0] in WRITTEN:
            yield f"{key}.prefix: found '{prefix}', a folder that focuswatch writes to; use another prefix."
        if any(part.startswith(".") for part in prefix.split("/")):
            yield f"{key}.prefix: found '{prefix}', {NO_LEADING_DOT}."
    paths = [f"{deployment.export_path}/", f"{deployment.principals_path}/"]
    if paths[0].startswith(paths[1]) or paths[1].startswith(paths[0]):
        yield (
            f"principals.prefix: found {paths[1]}, which overlaps the folder {paths[0]} of the export; "
            "use another prefix or name."
        )


def _role_problems(deployment: "Deployment") -> Iterator[str]:
    role = deployment.collector.member_role
    if ADMINISTRATOR.search(role):
        yield (
            f"collector.member_role: found '{role}', the name of an administrator role. "
            "focuswatch creates a read-only role; use a name that does not exist yet."
        )
    if deployment.organization.member_stack == "delegated-administrator" and deployment.is_one_account:
        yield (
            "organization.member_stack: payer and pipeline are the same account, which cannot be a delegated "
            'administrator; use "management".'
        )


def _controls_problems(deployment: "Deployment") -> Iterator[str]:
    if deployment.controls.budget_actions != "none" and not deployment.budgets.emails:
        yield (
            f'controls.budget_actions: found "{deployment.controls.budget_actions}", but AWS Budgets actions require '
            "an email address; add an address to budgets.emails."
        )


def _connector_problems(deployment: "Deployment") -> Iterator[str]:
    paths = [one.path for one in deployment.connectors.vendors]
    for path in sorted({path for path in paths if paths.count(path) > 1}):
        yield f"connectors.vendors: found {path} twice; set a different `account` in each entry."
    if any(one.vendor == "copilot" and not one.account for one in deployment.connectors.vendors):
        yield "connectors.vendors: copilot has no `account`; set `account` to the name of the GitHub organization."


def _bill_problems(deployment: "Deployment") -> Iterator[str]:
    vendors = {one.path.removeprefix(f"{VENDORS}/") for one in deployment.connectors.vendors}
    names = [*(one.name for one in deployment.bills), *vendors]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield (
            f"bills: found the name {name} twice (each vendor under connectors is also a bill); "
            "give each bill its own name."
        )
    read = [("the export", deployment.export_path), ("the export of principals", deployment.principals_path)]
    for number, one in enumerate(deployment.bills):
        key, parts = f"bills.{number}.prefix", one.prefix.split("/")
        if parts[0] in WRITTEN:
            yield f"{key}: found '{one.prefix}', a folder that focuswatch writes to; use another prefix."
        if any(part.startswith(".") for part in parts):
            yield f"{key}: found '{one.prefix}', {NO_LEADING_DOT}."
        for other, prefix in read:
            inner, outer = sorted((f"{one.prefix}/", f"{prefix}/"), key=len, reverse=True)
            if inner.startswith(outer):
                yield (
                    f"{key}: found '{one.prefix}', which overlaps '{prefix}' of {other}, so charges would "
                    "be counted twice; use another prefix."
                )
        read.append((one.name, one.prefix))


def _monitor_problems(deployment: "Deployment") -> Iterator[str]:
    arn = deployment.anomalies.monitor_arn
    if arn and not deployment.anomalies.account_has_monitor:
        yield (
            "anomalies.monitor_arn: found an ARN, but account_has_monitor = false creates a monitor; "
            "set account_has_monitor = true, or remove the ARN."
        )
    elif arn and arn.split(":")[4] != deployment.accounts.payer:
        yield (
            f"anomalies.monitor_arn: found a monitor of account {arn.split(':')[4]}, "
            f"expected a monitor of the payer account, {deployment.accounts.payer}."
        )


def _partition_problems(deployment: "Deployment") -> Iterator[str]:
    regions = [
        deployment.accounts.region,
        *deployment.collector.regions,
        *deployment.budgets.approved_regions,
    ]
    if others := sorted({region for region in regions if OTHER_PARTITION.match(region)}):
        yield (
            f"accounts, collector, budgets: {', '.join(others)} {'is' if len(others) == 1 else 'are'} not in the "
            "partition aws, the only partition that focuswatch supports; use Regions in the partition aws."
        )


def placeholder_problems(deployment: "Deployment") -> Iterator[str]:
    """Yield a sentence for each placeholder of the shipped file, which Deployment.load accepts and app.py does not."""
    for key, account in (("payer", deployment.accounts.payer), ("pipeline", deployment.accounts.pipeline)):
        if account == SHIPPED_ACCOUNT:
            yield f"accounts.{key}: '{account}' is a placeholder; use the ID of your account."
    if deployment.organization.id == SHIPPED_ORGANIZATION:
        yield (
            f"organization.id: '{deployment.organization.id}' is a placeholder; "
            "run `aws organizations describe-organization` to find the ID."
        )
    if SHIPPED_ROOT in deployment.organization.ous:
        yield (
            f"organization.ous: '{SHIPPED_ROOT}' is a placeholder; "
            "run `aws organizations list-roots` to find the root."
        )
    if deployment.collector.external_id == SHIPPED_EXTERNAL_ID:
        yield (
            "collector.external_id: the placeholder is public; use a random value, for example from "
            "`openssl rand -hex 16`."
        )
    if deployment.anomalies.account_has_monitor and not deployment.anomalies.monitor_arn:
        yield (
            "anomalies.monitor_arn: no monitor specified, so focuswatch would not receive cost anomalies; "
            "set the ARN that `aws ce get-anomaly-monitors` shows, or set account_has_monitor = false to "
            "create a monitor."
        )
