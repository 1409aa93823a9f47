"""The properties of detections that decide how findings are grouped into incidents, and which finding leads."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.catalog.sql_header_models import Specificity
from focuswatch.findings.finding import Finding

ORDER: Mapping[Specificity, int] = {"cause": 0, "place": 1, "amount": 2}


@dataclass(frozen=True)
class IncidentRules:
    """The properties of detections that decide how their findings are grouped.

    `names` is the key `names` of the headers, by detection (without an entry, as for AWS alerts: amount).
    `first_charges` are the detections that report all charges of an account, Region or service as new. `estimates` are
    the detections that estimate costs.
    """

    names: Mapping[str, Specificity] = field(default_factory=dict)
    first_charges: Collection[str] = ()
    estimates: Collection[str] = ()

    def precedence(self, finding: Finding) -> tuple[bool, bool, int, tuple[bool, ...], bool, Decimal, str]:
        """Return the key that sorts the findings of an incident, the lead first. A tie keeps the current lead."""
        named = (finding.resource_id, finding.region_id, finding.service_name)
        return (
            finding.is_minor,
            finding.detection in self.estimates,
            ORDER[self.names.get(finding.detection, "amount")],
            tuple(value is None for value in named),
            not finding.incident_lead,
            -finding.stake,
            finding.fingerprint,
        )


def incident_rules(catalog: Catalog) -> IncidentRules:
    """Return the incident rules from the headers of a catalog's detections."""
    headers = {id: detection.header for id, detection in catalog.detections.items()}
    return IncidentRules(
        names={id: header.names for id, header in headers.items()},
        first_charges={
            id for id, header in headers.items() if header.explain and header.explain.charges == "first"
        },
        estimates={id for id, header in headers.items() if header.estimate},
    )
