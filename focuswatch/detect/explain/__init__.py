"""Explain the root cause of a cost increase: its cost drivers, what started or stopped, and who changed what.

`cost_increase_of_finding` derives the increase from a finding, `driver_queries` queries the tables, and
`attach_explanations` adds the explanations to the findings that are notified. The detections, not this package, decide
whether a cost is anomalous.
"""
