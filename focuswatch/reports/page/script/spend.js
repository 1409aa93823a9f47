// The whole bill: daily spend with its AI part, by team, by service and by account.

const FIRST_COLUMN = Symbol("first column"); // of a row of totals

function spendSection(data, currency) {
  const { spend, reports } = data;
  const [teams, services, accounts] = ["spend_by_team", "spend_by_service", "spend_by_account"].map((name) => reports[name]);
  if (!spend && !teams?.rows.length) return null;
  const rows = teams?.rows ?? [];
  return section("spend", "Total spend", `${spendSummary(spend, currency)} Spend is the EffectiveCost of usage and fees.${invoiced(rows, currency)}`,
    spend && [
      legend([["var(--model-inference)", "AI"], ["var(--tools-and-data)", "other"]]),
      chart(`Daily spend in ${currency}, AI and other spend, ${day(spend.days[0])} to ${day(spend.days.at(-1))}`, (width) => spendChart(data, width, currency))],
    make("div", { class: "side-by-side" },
      rows.length ? part("By team", spendTable("Spend by team", rows, { name: "Team", of: (row) => row.team }, currency)) : null,
      services?.rows.length ? part("By service", spendTable("Spend by service", services.rows, { name: "Service", of: (row) => row.service_name }, currency)) : null),
    accounts?.rows.length ? folded("By account", spendTable("Spend by account", accounts.rows, { name: "Account", of: accountOf }, currency)) : null);
}

function spendSummary(spend, currency) {
  if (!spend) return "";
  const before = spend.cost_before ? `, ${change(spend.cost, spend.cost_before)} compared with the 30 days before` : "";
  const ai = spend.ai_cost ? ` AI spend was ${money(spend.ai_cost, currency)}, ${percent(spend.ai_cost, spend.cost)} of the spend.` : "";
  return `The total spend was ${money(spend.cost, currency)} from ${day(spend.from)} to ${day(spend.until)}${before}.${ai}`;
}

// What the invoice adds to or takes from the spend; nothing if the bill has neither credits nor tax.
function invoiced(rows, currency) {
  const [billed, credits, tax] = ["billed_cost", "credits", "tax"].map((column) => d3.sum(rows, (row) => row[column]));
  if (Math.abs(credits) < 0.005 && Math.abs(tax) < 0.005) return "";
  return ` In the last 30 complete days, BilledCost was ${money(billed, currency)}, credits were ${money(credits, currency)}, and tax was ${money(tax, currency)}.`;
}

function spendTable(name, rows, first, currency) {
  const whole = d3.sum(rows, (row) => row.effective_cost);
  const largest = d3.max(rows, (row) => row.effective_cost);
  const total = { [FIRST_COLUMN]: "Total", effective_cost: whole, effective_cost_before: d3.sum(rows, (row) => row.effective_cost_before) };
  return table(`${name}, last 30 complete days, in ${currency}`, [
    { name: first.name, class: "text", of: (row) => row[FIRST_COLUMN] ?? first.of(row) },
    { name: currency, number: true, of: (row) => amount(row.effective_cost) },
    { name: "Change", number: true, of: (row) => change(row.effective_cost, row.effective_cost_before) },
    { name: "Share", number: true, of: (row) => percent(row.effective_cost, whole) },
    { name: "", class: "bar narrow-off", of: (row) => (row === total ? null : shareBar(row.effective_cost, largest)) },
  ], rows, { first: FIRST_ROWS, total });
}

function spendChart(data, width, currency) {
  const { days, costs, ai_costs: ai } = data.spend;
  const bars = days.flatMap((text, index) => [
    { day: dateOf(text), part: "AI", cost: ai[index], complete: isComplete(text, data) },
    { day: dateOf(text), part: "other", cost: Math.max(0, costs[index] - ai[index]), complete: isComplete(text, data) },
  ]);
  const tops = days.map((text, index) => ({ day: noon(text), total: costs[index], index }));
  const tooltip = ({ index }) => [days[index], `total: ${amount(costs[index])}`, `AI: ${amount(ai[index])}`].join("\n");
  return plot({
    width, height: width < 500 ? 160 : 165, marginLeft: 44,
    x: { type: "utc", label: null, ticks: width < 500 ? 4 : 8, tickFormat: tick }, y: { label: `${currency}/day`, grid: true, ticks: 4, tickFormat: short },
    color: { domain: ["AI", "other"], range: ["var(--model-inference)", "var(--tools-and-data)"] },
    marks: [
      Plot.rectY(bars, { x: "day", interval: "day", y: "cost", fill: "part", fillOpacity: (bar) => (bar.complete ? 1 : INCOMPLETE), inset: 0.4, order: ["AI", "other"] }),
      Plot.ruleY([0], { stroke: "var(--soft)" }),
      Plot.tip(tops, Plot.pointerX({ x: "day", y: "total", title: tooltip, fontSize: 12 })),
    ],
  });
}
