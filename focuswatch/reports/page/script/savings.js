// Savings of resolved findings.

function savingsSection(data, currency) {
  const { open, acknowledged, suppressed, expected, verified, not_verified: unverified, findings_not_verified: waiting, resolved } = data.savings;
  if (!acknowledged && !suppressed && !resolved.length) return null; // the waste of open findings is in their section
  const parts = [[acknowledged, "acknowledged"], [suppressed, "suppressed (not included)"]].filter(([cost]) => cost).map(([cost, state]) => `${money(cost, currency)} ${state}`);
  const columns = [
    { name: "Resolved finding", class: "text", of: (row) => row.title },
    { name: "Account", of: (row) => row.account },
    { name: "Team", of: (row) => row.team ?? NO_OWNER },
    { name: "Date", of: (row) => row.resolved_on },
    { name: "Expected", number: true, of: (row) => amount(row.expected) },
    { name: "Verified", number: true, of: (row) => (row.verified == null ? "not yet" : amount(row.verified)) },
  ];
  return section("savings", "Savings", "Expected savings are the cost of resolved waste. Savings are verified when the bill shows the lower cost.",
    tiles(
      tile("Open waste", `${money(open, currency)}/month`, ["potential savings", ...parts].join("; ")),
      tile("Expected savings", `${money(expected, currency)}/month`, "of resolved findings"),
      tile("Verified savings", `${money(verified, currency)}/month`, waiting ? `${count(waiting, "finding")} not yet verified, ${money(unverified, currency)}/month` : "confirmed in the bill")),
    resolved.length ? table(`Resolved findings, in ${currency}/month`, columns, resolved, { first: FIRST_ROWS }) : null);
}
