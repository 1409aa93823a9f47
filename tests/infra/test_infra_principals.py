"""The second export with the callers of Bedrock: created only if configured, with few columns, read by `refresh`."""

import functools
import json

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from focuswatch.bill.schema.columns_of_all_tables import PRINCIPAL_EXPORT
from focuswatch.errors import ConfigError
from focuswatch.operations.deployment_toml_sections import PrincipalsConfig
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.owners.owners_file import Owners
from infra.lambda_function_permissions import Permissions
from infra.payer_stack import PayerStack
from infra.pipeline_stack import PipelineStack
from tests.given.deployments import CONFIG, PIPELINE, ROOT, deployment_of

KEY = "arn:aws:kms:us-east-1:222222222222:key/k"


def with_principals(accounts) -> Deployment:
    return deployment_of(accounts=accounts).model_copy(update={"principals": PrincipalsConfig(enabled=True)})


@functools.cache
def payer(accounts) -> Template:
    """Return the payer stack with the second export."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    owners = Owners.load(CONFIG / "owners.toml")
    stack = PayerStack(App(context=context), "payer", deployment=with_principals(accounts), owners=owners)
    return Template.from_stack(stack)


def exports(accounts) -> dict[str, dict]:
    exports_by_id = payer(accounts).find_resources("AWS::BCMDataExports::Export").values()
    return {one["Properties"]["Export"]["Name"]: one["Properties"]["Export"] for one in exports_by_id}


@pytest.mark.parametrize(("accounts", "owner"), [("one", None), ("three", PIPELINE)])
def test_second_export_has_only_rows_with_a_caller_and_the_required_columns(accounts, owner):
    """Without INCLUDE_IAM_PRINCIPAL_DATA, AWS would deliver an export without the caller's column."""
    exports_by_name = exports(accounts)
    assert exports_by_name.keys() == {"focuswatch", "focuswatch-principals"}
    export = exports_by_name["focuswatch-principals"]
    query = export["DataQuery"]
    assert query["QueryStatement"] == (
        f"SELECT {', '.join(PRINCIPAL_EXPORT)} FROM COST_AND_USAGE_REPORT WHERE line_item_iam_principal != ''"
    )
    assert query["TableConfigurations"] == {
        "COST_AND_USAGE_REPORT": {
            "TIME_GRANULARITY": "DAILY", "INCLUDE_RESOURCES": "FALSE", "INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY": "FALSE",
            "INCLUDE_SPLIT_COST_ALLOCATION_DATA": "FALSE", "INCLUDE_IAM_PRINCIPAL_DATA": "TRUE",
        }
    }  # fmt: skip
    destination = export["DestinationConfigurations"]["S3Destination"]
    assert destination["S3Prefix"] == "principals"
    assert destination.get("S3BucketOwner") == owner
    assert (
        destination["S3OutputConfigurations"]
        == exports(accounts)["focuswatch"]["DestinationConfigurations"]["S3Destination"][
            "S3OutputConfigurations"
        ]
    )


def test_refresh_reads_both_exports_and_runs_on_each_manifest():
    """Only `refresh` gets the path of the second export."""
    deployment = with_principals("one")
    (read,) = [
        one for one in Permissions(deployment, key_arn=KEY).of("refresh") if one.why == "read the exports"
    ]
    bucket = f"arn:aws:s3:::{deployment.bucket}"
    assert read.resources == (f"{bucket}/focus/focuswatch/*", f"{bucket}/principals/focuswatch-principals/*")
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    stack = PipelineStack(App(context=context), "pipeline", deployment=deployment)
    template = Template.from_stack(stack)
    rules = [one["Properties"] for one in template.find_resources("AWS::Events::Rule").values()]
    (manifest,) = [one for one in rules if one["Name"] == "focuswatch-manifest"]
    assert [one["wildcard"] for one in manifest["EventPattern"]["detail"]["object"]["key"]] == [
        "focus/focuswatch/metadata/*-Manifest.json",
        "principals/focuswatch-principals/metadata/*-Manifest.json",
    ]
    functions = [one["Properties"] for one in template.find_resources("AWS::Lambda::Function").values()]
    paths = {
        one["FunctionName"]: one["Environment"]["Variables"].get("FOCUSWATCH_PRINCIPALS") for one in functions
    }
    assert {name for name, path in paths.items() if path} == {"focuswatch-refresh"}
    assert paths["focuswatch-refresh"] == "principals/focuswatch-principals"
    tables = [one["Properties"]["TableInput"] for one in template.find_resources("AWS::Glue::Table").values()]
    located = {one["Name"]: one["StorageDescriptor"]["Location"] for one in tables}
    assert located["principal_export"] == (f"s3://{deployment.bucket}/principals/focuswatch-principals/data/")


@pytest.mark.parametrize(
    ("prefix", "name", "expected_message"),
    [
        ("tables", "callers", "principals.prefix: found 'tables', a folder that focuswatch writes to"),
        ("focus", "focuswatch", "which overlap"),
        ("focus/focuswatch", "callers", "which overlap"),
    ],
)
def test_export_inside_another_folder_is_refused(tmp_path, prefix, name, expected_message):
    """Two exports under one folder would be read as one."""
    text = (CONFIG / "deployment.toml").read_text()
    text = text.replace('name = "focuswatch-principals"', f'name = "{name}"')
    text = text.replace('prefix = "principals"', f'prefix = "{prefix}"')
    (tmp_path / "deployment.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        Deployment.load(tmp_path / "deployment.toml")
    assert expected_message in str(caught.value)
