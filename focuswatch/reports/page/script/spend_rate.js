// The estimated cost per hour of the newest token counts; no section without them.

function spendRateSection(data, currency) {
  const report = data.reports.spend_rate;
  const rows = report?.rows ?? [];
  if (!rows.length) return null;
  const columns = [
    { name: "Account and model", class: "text", of: (row) => make("span", {}, make("strong", {}, accountOf(row)), ` ${row.model ?? row.workload}`) },
    { name: `Last hour, ${currency}`, number: true, of: (row) => amount(row.hourly_cost) },
    { name: "Usual", number: true, of: (row) => amount(row.usual_hourly_cost) },
    { name: "Day so far", number: true, of: (row) => amount(row.day_cost) },
    { name: "Unpriced tokens, millions", number: true, of: (row) => (row.unpriced_million_tokens ? amount(row.unpriced_million_tokens) : "") },
  ];
  const hourly = money(d3.sum(rows, (row) => row.hourly_cost), currency);
  return section("spend-rate", "Current spend rate (estimate)", `Bedrock tokens cost an estimated ${hourly} in the hour from ${rows[0].last_hour}. ${report.basis}.`,
    table(`Estimated cost per hour, in ${currency}`, columns, rows, { first: FIRST_ROWS }));
}
