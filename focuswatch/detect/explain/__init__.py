"""Explain the root cause of a cost increase: its cost drivers, what started or stopped, and who changed what.

`read_cost_increase_from_finding` derives the increase from a finding, `explain_cost_increases` explains it, and
`attach_explanations` adds the explanations to the findings that are notified. The detections, not this package, decide
whether a cost is anomalous.
"""
