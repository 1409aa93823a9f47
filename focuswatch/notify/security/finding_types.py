"""The type of a security finding in the taxonomy of Security Hub, which OCSF records carry too.

https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format-type-taxonomy.html
"""

# MITRE ATT&CK counts unused Regions and stopped security services as defense evasion:
# https://attack.mitre.org/techniques/T1535/, https://attack.mitre.org/techniques/T1562/
TYPES = {
    "data_transfer_spike": ("Unusual Behaviors/Network Flow", "Effects/Data Exfiltration"),
    "dormant_account_woke": ("Unusual Behaviors/User",),
    "gpu_burst": ("Unusual Behaviors/VM", "Effects/Resource Consumption"),
    "new_ai_principal": ("Unusual Behaviors/User", "TTPs/Credential Access"),
    "new_region": ("TTPs/Defense Evasion/UnusedRegion", "Unusual Behaviors"),
    "new_service": ("Unusual Behaviors/Application",),
    "security_service_went_dark": ("TTPs/Defense Evasion/SecurityServiceStopped",),
}
OTHERS = ("Unusual Behaviors",)  # detections that are not ours


def finding_types(detection: str) -> tuple[str, ...]:
    """Return the types of a detection's findings."""
    return TYPES.get(detection, OTHERS)
