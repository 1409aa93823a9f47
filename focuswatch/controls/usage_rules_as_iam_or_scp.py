"""Build the IAM policy or SCP that enforces a use case's AI usage rules. It is printed for review, never applied.

All statements are Deny, except that an IAM policy allows batch jobs if batch is required. Based on the AWS examples:
https://github.com/aws-samples/service-control-policy-examples
"""

import json
from typing import Any, Literal

from focuswatch.errors import ConfigError
from focuswatch.owners.ai_usage_policy_rules import SCOPE, UsagePolicy

PolicyKind = Literal["iam", "scp"]
# Converse requires InvokeModel too: https://docs.aws.amazon.com/bedrock/latest/userguide/inference-prereq.html
CALLS = "bedrock:InvokeModel*"
BATCH = "bedrock:CreateModelInvocationJob"
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference.html
MANTLE = "bedrock-mantle:CreateInference"
# Not denied: IAM checks a call through an inference profile against the profile and against each of its models, so the
# rules for the models are sufficient: https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html
NOT_MODELS = (
    "arn:aws:bedrock:*:*:inference-profile/*",
    "arn:aws:bedrock:*:*:application-inference-profile/*",
    "arn:aws:bedrock:*:*:model-invocation-job/*",
)
# Limits without white space: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
# and https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MOST_CHARACTERS: dict[PolicyKind, int] = {"scp": 5120, "iam": 6144}


def policy_document(use_case: str, policy: UsagePolicy, *, kind: PolicyKind) -> dict[str, Any]:
    """Return the policy document. Raises ConfigError if there are no rules, or too many for one document."""
    statements = [*_models(policy), *_regions(policy), *_batch(policy, kind=kind)]
    if not statements:
        raise ConfigError(
            f"use_cases.{use_case}: found no rules to enforce. Add `models`, `batch` or `regions` "
            "to the use case in owners.toml."
        )
    document = {"Version": "2012-10-17", "Statement": statements}
    size = len(json.dumps(document, separators=(",", ":")))
    if size > MOST_CHARACTERS[kind]:
        raise ConfigError(
            f"use_cases.{use_case}: the policy has {size:,} characters, but AWS allows at most "
            f"{MOST_CHARACTERS[kind]:,}. Replace several models with one pattern that contains '*'."
        )
    return document


def policy_notes(policy: UsagePolicy, *, kind: PolicyKind) -> list[str]:
    """Return notes to read before attaching the policy."""
    target = "to the roles of the use case" if kind == "iam" else "only to the accounts of the use case"
    notes = [f"This command changed nothing. Review the policy, then attach the policy {target}."]
    if policy.regions:
        notes.append(
            "The policy denies calls in Regions that are not listed in `regions`. A cross-Region inference profile "
            "calls models in several Regions, so add all Regions of the inference profile to `regions`, or use "
            "models in a single Region."
        )
    if policy.batch:
        notes.append(
            "The service role of a batch job needs bedrock:InvokeModel if the job uses an inference profile. "
            "Do not attach the policy to this role"
            + (", and exempt the role with a condition on aws:PrincipalArn." if kind == "scp" else ".")
        )
    return notes


def _models(policy: UsagePolicy) -> list[dict[str, Any]]:
    """Deny every model that no pattern matches, including custom and imported models."""
    if not policy.models:
        return []
    patterns = list(dict.fromkeys(SCOPE.sub("", model.lower()) for model in policy.models))
    allowed = [f"arn:aws:bedrock:*::foundation-model/{pattern}" for pattern in patterns]
    return [
        {
            "Sid": "DenyOtherModels",
            "Effect": "Deny",
            "Action": [CALLS, BATCH],
            "NotResource": [*allowed, *NOT_MODELS],
        },
        {
            "Sid": "DenyOtherModelsOfMantle",
            "Effect": "Deny",
            "Action": MANTLE,
            "Resource": "*",
            # https://docs.aws.amazon.com/service-authorization/latest/reference/list_bedrock-mantle.html
            "Condition": {"StringNotLike": {"bedrock-mantle:Model": patterns}},
        },
    ]


def _regions(policy: UsagePolicy) -> list[dict[str, Any]]:
    if not policy.regions:
        return []
    return [
        {
            "Sid": "DenyOtherRegions",
            "Effect": "Deny",
            "Action": [CALLS, BATCH, MANTLE],
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:RequestedRegion": list(policy.regions)}},
        }
    ]


def _batch(policy: UsagePolicy, *, kind: PolicyKind) -> list[dict[str, Any]]:
    """Deny on-demand calls, so that only batch jobs remain. Only IAM also allows batch jobs: an SCP cannot allow."""
    if not policy.batch:
        return []
    deny = {"Sid": "DenyCallsOutsideBatch", "Effect": "Deny", "Action": [CALLS, MANTLE], "Resource": "*"}
    allow = {"Sid": "AllowBatch", "Effect": "Allow", "Action": BATCH, "Resource": "*"}
    return [deny, allow] if kind == "iam" else [deny]
