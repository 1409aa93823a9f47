"""Billing meters of the simulator: service, SKU meter, unit and price, and how a region changes them."""

import hashlib
from dataclasses import dataclass, field
from functools import cache

AWS = "Amazon Web Services, Inc."


@dataclass(frozen=True)
class Region:
    name: str  # RegionName
    code: str  # prefix of SkuMeter
    # Price relative to us-east-1. For services other than OpenSearch, the factor is invented for the simulation.
    price_factor: float


REGIONS = {
    "us-east-1": Region("US East (N. Virginia)", "USE1", 1.0),
    "us-east-2": Region("US East (Ohio)", "USE2", 1.0),
    "us-west-1": Region("US West (N. California)", "USW1", 1.17),
    "us-west-2": Region("US West (Oregon)", "USW2", 1.0),
    "ca-central-1": Region("Canada (Central)", "CAN1", 1.1),
    "eu-west-1": Region("EU (Ireland)", "EUW1", 1.1),
    "eu-west-2": Region("EU (London)", "EUW2", 1.15),
    "eu-central-1": Region("EU (Frankfurt)", "EUC1", 1.15),
    "eu-north-1": Region("EU (Stockholm)", "EUN1", 1.05),
    # The factors of ap-northeast-1 and ap-northeast-2 are from OCU-hour prices on a bill of 2026.
    "ap-northeast-1": Region("Asia Pacific (Tokyo)", "APN1", 0.334 / 0.24),
    "ap-northeast-2": Region("Asia Pacific (Seoul)", "APN2", 0.293 / 0.24),
    "ap-southeast-1": Region("Asia Pacific (Singapore)", "APS1", 1.25),
    "ap-southeast-2": Region("Asia Pacific (Sydney)", "APS2", 1.25),
    "ap-south-1": Region("Asia Pacific (Mumbai)", "APS3", 1.1),
    "sa-east-1": Region("South America (Sao Paulo)", "SAE1", 1.6),
    "me-south-1": Region("Middle East (Bahrain)", "MES1", 1.3),
}
# Prefix of CloudFront's meters by the start of the viewer's region; the first match counts, so longer keys come first.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/billing-and-usage-interpreting.html
EDGE_AREAS = {
    "ap-northeast-1": "JP",
    "ap-southeast-2": "AU",
    "ap-south-1": "IN",
    "ap-": "AP",
    "ca-": "CA",
    "eu-": "EU",
    "me-": "ME",
    "sa-": "SA",
}


@dataclass(frozen=True)
class Meter:
    """A billing meter of a service.

    `meter` is a template of SkuMeter: `{p}` stands for the region's prefix with its dash, `{R}` for the region's code
    alone, and `{E}` for CloudFront's code of the viewers' area. `price` is in USD per `unit` in us-east-1. `source`
    states where the price comes from.
    """

    service: str
    code: str
    category: str
    subcategory: str
    meter: str
    operation: str
    unit: str
    price: float
    description: str
    source: str
    older: bool = False  # older services use no prefix in us-east-1, and EU in eu-west-1
    publisher: str = AWS
    details: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def marketplace(self) -> bool:
        return self.publisher != AWS

    def sku_meter(self, region: str | None) -> str:
        return _named(self.meter, region, older=self.older)

    def unit_price(self, region: str | None) -> float:
        return self.price * (REGIONS[region].price_factor if region in REGIONS else 1.0)

    def sku_id(self, region: str | None) -> str:
        digest = hashlib.sha256(f"{self.service}|{self.sku_meter(region)}|{self.operation}".encode()).digest()
        return "".join("ABCDEFGHJKLMNPQRSTUVWXYZ23456789"[byte & 31] for byte in digest[:16])


@cache
def _named(template: str, region: str | None, *, older: bool) -> str:
    code = REGIONS[region].code if region in REGIONS else ""
    if older and region == "us-east-1":
        code = ""
    elif older and region == "eu-west-1":
        code = "EU"
    area = next((area for start, area in EDGE_AREAS.items() if (region or "").startswith(start)), "US")
    return template.replace("{p}", f"{code}-" if code else "").replace("{R}", code).replace("{E}", area)
