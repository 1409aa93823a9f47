"""Security findings for security tools: AWS Security Hub (ASFF), and OCSF files in S3."""
