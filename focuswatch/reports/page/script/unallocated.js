// Spend that is not allocated to a team.

function unallocatedSection(data, currency) {
  const rows = data.reports.unowned_spend?.rows ?? [];
  const total = d3.sum(rows, (row) => row.effective_cost);
  if (!rows.length) return null;
  const columns = [
    { name: "Account and service", class: "text", of: (row) => make("span", {}, make("strong", {}, accountOf(row)), ` ${row.service_name ?? ""}`) },
    { name: `30 days, ${currency}`, number: true, of: (row) => amount(row.effective_cost) },
    { name: "Change", number: true, of: (row) => change(row.effective_cost, row.effective_cost_before) },
    { name: "Reason", class: "text", of: (row) => row.unowned_because },
  ];
  const { findings, waste } = data.unowned;
  return section("unallocated", "Unallocated spend", `${money(total, currency)} of spend in the last 30 complete days is not allocated to a team. ${basisOf(data.reports.unowned_spend)} ${count(findings, "finding has", "findings have")} no owner, with waste of ${money(waste, currency)}/month.`,
    table(`Unallocated spend, in ${currency}`, columns, rows, { first: FIRST_ROWS }));
}
