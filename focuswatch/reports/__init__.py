"""Reports on the bill and the ledger: report tables, chargeback, month close, weekly digest and the HTML page."""
