"""The root cause of a cost increase: cost drivers that add up to it, what started or stopped, and who changed what.

`cost_increase` reads from a finding what increased, `driver_queries` queries the tables, and `attach_explanations` adds
the explanations to the findings that are notified. Whether a cost is anomalous is decided by the detections.
"""
