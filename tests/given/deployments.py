"""Deployments for tests: one account as in the example, and three accounts; both use every channel and `hourly`."""

from datetime import date
from pathlib import Path
from typing import Literal

from focuswatch.operations.lambda_function_groups_and_modules import module_of
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"
PAYER, PIPELINE = "111111111111", "222222222222"
MONITOR = "arn:aws:ce::123456789012:anomalymonitor/6f2c0a91-d4e8-4b77-9073-0aa1b2c3d4e5"


def source_of(function: str) -> str:
    """Return the source code of the handler of a function."""
    return (ROOT / f"{module_of(function).replace('.', '/')}.py").read_text()


def deployment_of(*, accounts: Literal["one", "three"]) -> Deployment:
    """Return config/deployment.toml with every channel; for "three" with separate accounts and no anomaly monitor."""
    config = Deployment.load(CONFIG / "deployment.toml").model_dump()
    config["secrets"] |= {
        channel: f"focuswatch/{channel}"
        for channel in ("slack", "jira", "teams", "pagerduty", "webhook", "events")
    }
    config["email"] |= {"sender": "focuswatch@acme.example"}
    config["security"] |= {"security_hub": True, "ocsf": True}
    config["events"] |= {"findings": True}
    config["invocation_logs"] |= {"enabled": True}
    openai = {"vendor": "openai", "secret": "focuswatch/openai", "since": date(2026, 11, 1)}
    config["connectors"] |= {"vendors": [openai]}
    config["bills"] = [{"name": "azure", "prefix": "bills/azure"}]
    config["spend_rate"] |= {"enabled": True}
    config["anomalies"]["monitor_arn"] = MONITOR
    if accounts == "one":
        return Deployment.model_validate(config)
    config["collector"] |= {"events": ["deployments", "alarms", "health", "files"]}
    config["accounts"] |= {"payer": PAYER, "pipeline": PIPELINE, "region": "eu-central-1"}
    config["export"]["grain"] = "HOURLY"
    config["anomalies"] |= {"account_has_monitor": False, "monitor_arn": ""}
    return Deployment.model_validate(config)
