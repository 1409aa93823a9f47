// Week-over-week changes of accounts and services.

function moversSection(data, currency) {
  const rows = data.reports.weekly_deltas?.rows ?? [];
  if (!rows.length) return null;
  const widest = { increase: Math.max(0, d3.max(rows, (row) => row.movement)), decrease: Math.max(0, d3.max(rows, (row) => -row.movement)) };
  const columns = [
    { name: "Account and service", class: "text", of: (row) => make("span", {}, make("strong", {}, accountOf(row)), ` ${row.service_name ?? ""} `, make("span", { class: "soft unbroken" }, row.region_id ?? "")) },
    { name: `Last week, ${currency}`, number: true, of: (row) => amount(row.effective_cost) },
    { name: "Week before", number: true, of: (row) => amount(row.effective_cost_before) },
    { name: "Change", number: true, of: (row) => `${row.movement > 0 ? "+" : "−"}${amount(Math.abs(row.movement))}` },
    { name: "", class: "bar narrow-off", of: (row) => bar(row.movement, widest) },
  ];
  const name = `Week-over-week changes, in ${currency}`;
  return section("movers", "Week-over-week changes", `The table compares the spend in the last 7 complete days with the 7 days before, by account, region and service. ${basisOf(data.reports.weekly_deltas)}`,
    table(name, columns, rows, { first: FIRST_ROWS }));
}

// From the point of no change: increases to the right, decreases to the left.
function bar(value, { increase, decrease }) {
  const zero = (100 * decrease) / (decrease + increase || 1);
  const length = (100 * Math.abs(value)) / (decrease + increase || 1);
  const drawing = swatch(value > 0 ? "var(--mark)" : "var(--good)");
  drawing.setAttribute("viewBox", "0 0 100 10");
  drawing.setAttribute("preserveAspectRatio", "none");
  const square = drawing.firstChild;
  square.setAttribute("x", value > 0 ? zero : zero - length);
  square.setAttribute("width", length);
  square.removeAttribute("rx");
  return drawing;
}
