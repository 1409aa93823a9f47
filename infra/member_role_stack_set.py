"""The member stack: a read-only role in each account, which only `collect`, `detect` and `hourly` may assume.

The stack is deployed in the payer account, or in the pipeline's account if that is a delegated administrator of
CloudFormation. Its StackSet creates the role in the accounts of the OUs, including accounts that join later. A StackSet
does not reach the management account, so the stack creates the same role there itself.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-associate-stackset-with-org.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
"""

import json
from typing import Any

from aws_cdk import CfnStackSet, Environment, Stack, aws_iam
from constructs import Construct

from focuswatch.collect.collector_iam_actions import INVOCATION_LOG_REASONS, START_QUERY, member_actions
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.operations.resource_names import PAYER_REGION
from infra.acknowledge_nag_findings import acknowledge


class MemberStack(Stack):
    """The StackSet that creates the member role in each account, and the role in the management account."""

    def __init__(self, scope: Construct, id: str, *, deployment: Deployment) -> None:
        super().__init__(
            scope,
            id,
            description="focuswatch: role in each account for read-only access to resources, metrics and "
            "CloudTrail events",
            env=Environment(account=deployment.member_stack_account, region=PAYER_REGION),
        )
        _stack_set(self, deployment)
        if deployment.member_stack_account != deployment.accounts.payer:
            return  # a delegated administrator's StackSet reaches its own account too
        role = member_role(deployment)
        management_role = aws_iam.CfnRole(
            self,
            "Role",
            role_name=role["RoleName"],
            description=role["Description"],
            assume_role_policy_document=role["AssumeRolePolicyDocument"],
            policies=[
                aws_iam.CfnRole.PolicyProperty(
                    policy_name=policy["PolicyName"], policy_document=policy["PolicyDocument"]
                )
                for policy in role["Policies"]
            ],
        )
        acknowledge(
            management_role,
            reason="The read-only role covers all resources in an account, because the ARNs of the resources are not "
            "known in advance.",
            findings=["AwsSolutions-IAM5[Resource::*]"],
        )
        if deployment.invocation_logs.enabled:
            acknowledge(
                management_role,
                reason="The policy covers the configured log group names in all accounts and Regions, because the "
                "accounts and Regions of the log groups are not known in advance.",
                findings=[
                    f"AwsSolutions-IAM5[Resource::arn:aws:logs:*:*:log-group:{name}:*]"
                    for name in deployment.invocation_logs.log_groups
                ],
            )


def member_role(deployment: Deployment) -> dict[str, Any]:
    """Return the properties of the member role: read-only, and only for `member_role_callers` with the external ID."""
    trusted = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{deployment.accounts.pipeline}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"sts:ExternalId": deployment.collector.external_id},
            # The callers are in a condition, because a principal must exist when the role is created.
            "ArnEquals": {"aws:PrincipalArn": deployment.member_role_callers},
        },
    }
    reads = {
        "Effect": "Allow",
        "Action": sorted(member_actions(deployment.collector.events)),
        "Resource": "*",
    }
    return {
        "RoleName": deployment.collector.member_role,
        "Description": "Read-only access for focuswatch to resources, CloudWatch metrics and CloudTrail "
        "events",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trusted]},
        "Policies": [
            {
                "PolicyName": "read-activity",
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [reads]},
            },
            *([_invocation_logs(deployment)] if deployment.invocation_logs.enabled else []),
        ],
    }


def _invocation_logs(deployment: Deployment) -> dict[str, Any]:
    """Return the policy for token sums: queries of the configured log groups only, which can read their log events.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
    """
    groups = [f"arn:aws:logs:*:*:log-group:{name}:*" for name in deployment.invocation_logs.log_groups]
    others = sorted(INVOCATION_LOG_REASONS.keys() - {START_QUERY})
    statements = [
        {"Effect": "Allow", "Action": [START_QUERY], "Resource": groups},
        {"Effect": "Allow", "Action": others, "Resource": "*"},
    ]
    return {
        "PolicyName": "sum-invocation-logs",
        "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
    }


def _stack_set(scope: Construct, deployment: Deployment) -> None:
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "focuswatch: role for read-only access to resources, metrics and CloudTrail events",
        "Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": member_role(deployment)}},
    }
    CfnStackSet(
        scope,
        "Members",
        stack_set_name=f"{deployment.name}-member",
        description="Read-only role for focuswatch in each account",
        permission_model="SERVICE_MANAGED",
        call_as="DELEGATED_ADMIN"
        if deployment.organization.member_stack == "delegated-administrator"
        else "SELF",
        auto_deployment=CfnStackSet.AutoDeploymentProperty(
            enabled=True, retain_stacks_on_account_removal=False
        ),
        capabilities=["CAPABILITY_NAMED_IAM"],
        managed_execution={"Active": True},
        operation_preferences=CfnStackSet.OperationPreferencesProperty(
            failure_tolerance_percentage=100, max_concurrent_percentage=100
        ),
        stack_instances_group=[
            CfnStackSet.StackInstancesProperty(
                deployment_targets=CfnStackSet.DeploymentTargetsProperty(
                    organizational_unit_ids=deployment.organization.ous
                ),
                regions=[PAYER_REGION],  # IAM roles are global
            )
        ],
        template_body=json.dumps(template, indent=1),
    )
