"""Determine the provider of each finding, on a bill with charges of several providers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from focuswatch.engines import Engine
from focuswatch.findings.is_aws_provider import is_aws

PROVIDERS = """
SELECT
    SubAccountId AS sub_account_id,
    ServiceName AS service_name,
    coalesce(trim(ProviderName), 'AWS') AS provider,
    sum(abs(EffectiveCost)) AS cost
FROM daily_services
GROUP BY 1, 2, 3
"""
Place = tuple[str | None, str | None]  # an account, and a service or None for all services


@dataclass(frozen=True)
class FindingProviders:
    """The provider with the highest cost by account, and by account and service; empty if all charges are from AWS."""

    by_place: Mapping[Place, str] = field(default_factory=dict)

    def of(self, sub_account_id: str | None, service_name: str | None) -> str | None:
        """Return the provider of a finding; None if unknown, if it spans providers, or if all charges are from AWS.

        A finding without account and service is about a team or use case, which may have charges of any provider.
        """
        if sub_account_id is None and service_name is None:
            return None
        of_service = self.by_place.get((sub_account_id, service_name))
        return of_service or (self.by_place.get((sub_account_id, None)) if sub_account_id else None)


ALL_AWS = FindingProviders()


def finding_providers(engine: Engine) -> FindingProviders:
    """Return the main provider of each account and of each of its services. Raises QueryError."""
    costs: dict[Place, dict[str, float]] = {}
    for row in engine.query(PROVIDERS, label="providers"):
        for place in {(row["sub_account_id"], row["service_name"]), (row["sub_account_id"], None)}:
            of_place = costs.setdefault(place, {})
            of_place[row["provider"]] = of_place.get(row["provider"], 0.0) + (row["cost"] or 0.0)
    return FindingProviders({place: _main(of_place) for place, of_place in costs.items()})


def _main(costs: Mapping[str, float]) -> str:
    return max(costs, key=lambda provider: (costs[provider], is_aws(provider), provider))
