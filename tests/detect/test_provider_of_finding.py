"""The provider of a finding, which determines its steps and its links."""

import pytest

from focuswatch.detect.provider_of_finding import ALL_AWS, finding_providers
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.duckdb_engine import DuckDbEngine

CHARGES = """
CREATE TABLE daily_services AS
SELECT * FROM (VALUES
    ('team-7', 'chat', 'openai', 5e0), ('team-7', 'agents', 'anthropic', 2e0), ('team-7', 'agents', 'openai', 1e0),
    ('1', 'S3', NULL, 1e0), (NULL, 'Support', 'Oracle', 7e0), ('2', 'Search', 'Microsoft', 3e0),
    ('2', 'Search', 'AWS', 3e0)
) AS charges (SubAccountId, ServiceName, ProviderName, EffectiveCost)
"""


@pytest.mark.parametrize(
    ("account", "service", "provider"),
    [
        ("team-7", "agents", "anthropic"),
        ("team-7", None, "openai"),
        ("team-7", "gone", "openai"),
        ("1", "S3", "AWS"),  # a charge without a provider belongs to AWS
        ("2", "Search", "AWS"),  # two providers have the same cost
        (None, "Support", "Oracle"),
        (None, None, None),  # a finding about a budget
        ("unknown", "S3", None),
    ],
)
def test_provider_is_the_one_with_the_highest_cost(account, service, provider):
    """The cost is that of the service in the account, or of the account if the service has no charges."""
    connection = connect()
    connection.execute(CHARGES)
    assert finding_providers(DuckDbEngine(connection)).of(account, service) == provider


def test_bill_with_only_aws_names_no_provider():
    assert ALL_AWS.of("1", "S3") is None
