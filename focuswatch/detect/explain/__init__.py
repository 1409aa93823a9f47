"""Why a finding's money rose: its excess in parts that add up, what began or ended that day, who changed what.

`rise` reads off a finding what there is to explain, `ask` asks the tables, `words` says it; `told` puts it into the
findings that are news. It decides nothing: whether something is strange is for the detections.
"""
