"""The member's stack: a role in every account of the organisation, which only the collector and `detect` may assume.

It is deployed in the payer, or in the pipeline's account where that is a delegated administrator of CloudFormation; the
StackSet brings the role into the accounts of the OUs, new ones included. A StackSet leaves the management account out,
so that one gets the same role here, if the stack is deployed there.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-associate-stackset-with-org.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-delegated-admin.html
"""

import json
from typing import Any

from aws_cdk import CfnStackSet, Environment, Stack, aws_iam
from constructs import Construct

from focuswatch.collect.member_permissions import ACTIONS
from focuswatch.operations.deployment_config import PAYER_REGION, Deployment
from infra.explained import explain


class MemberStack(Stack):
    """The role, and the StackSet that brings it everywhere."""

    def __init__(self, scope: Construct, id: str, *, deployment: Deployment) -> None:
        super().__init__(
            scope,
            id,
            description="focuswatch: lets the collector read what every account's resources did",
            env=Environment(account=deployment.member_stack_account, region=PAYER_REGION),
        )
        _stack_set(self, deployment)
        if deployment.member_stack_account != deployment.accounts.payer:
            return  # a StackSet of a delegated administrator reaches its own account too
        role = member_role(deployment)
        here = aws_iam.CfnRole(
            self,
            "Role",
            role_name=role["RoleName"],
            description=role["Description"],
            assume_role_policy_document=role["AssumeRolePolicyDocument"],
            policies=[
                aws_iam.CfnRole.PolicyProperty(
                    policy_name=one["PolicyName"], policy_document=one["PolicyDocument"]
                )
                for one in role["Policies"]
            ],
        )
        explain(
            here,
            reason="It reads whatever resources an account has; nobody can name them beforehand.",
            findings=["AwsSolutions-IAM5[Resource::*]"],
        )


def member_role(deployment: Deployment) -> dict[str, Any]:
    """The role as CloudFormation reads it: only reads, only for `collect` and `detect`, only with the external id."""
    trusted = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{deployment.accounts.pipeline}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"sts:ExternalId": deployment.collector.external_id},
            # As a condition and not as the principal: it also holds before these roles are there.
            "ArnEquals": {"aws:PrincipalArn": deployment.looking_role_arns},
        },
    }
    reads = {"Effect": "Allow", "Action": sorted(ACTIONS), "Resource": "*"}
    return {
        "RoleName": deployment.collector.member_role,
        "Description": "Lets focuswatch see which resources are idle, and who made what; reads only",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trusted]},
        "Policies": [
            {
                "PolicyName": "read-activity",
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [reads]},
            }
        ],
    }


def _stack_set(scope: Construct, deployment: Deployment) -> None:
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "focuswatch: a read-only role for the collector",
        "Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": member_role(deployment)}},
    }
    CfnStackSet(
        scope,
        "Members",
        stack_set_name=f"{deployment.name}-member",
        description="A read-only role in every account, for focuswatch",
        permission_model="SERVICE_MANAGED",
        call_as="DELEGATED_ADMIN"
        if deployment.organisation.member_stack == "delegated-administrator"
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
                    organizational_unit_ids=deployment.organisation.ous
                ),
                regions=[PAYER_REGION],  # a role is in all regions at once
            )
        ],
        template_body=json.dumps(template, indent=1),
    )
