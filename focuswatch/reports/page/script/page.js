// The page: decompresses the data, orders the sections, and keeps the selected theme.

async function readData() {
  const bytes = Uint8Array.from(atob(document.getElementById("data").textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

// The first screen: each number links to its section; a number that the bill does not have is left out.
function totals(data, currency) {
  return tiles(...monthTiles(data.month, data.settled_until, currency), aiTile(data, currency), ...findingTiles(data, currency), unallocatedTile(data, currency));
}

function monthTiles(month, settled, currency) {
  if (!month) return [];
  const name = monthOf(month.first_day);
  const until = settled >= month.first_day ? `BilledCost from ${day(month.first_day)} to ${day(settled)}` : "no complete day yet";
  return [
    tile(`${name} so far`, money(month.spent, currency), until, "spend"),
    tile(`${name} forecast`, money(month.forecast, currency), budgetCaption(month, currency), "forecast"),
  ];
}

function budgetCaption(month, currency) {
  if (!month.budgets) return `80% interval: ${short(month.low)} to ${short(month.high)}; no budget is set`;
  const teams = month.team_budget ? `${percent(month.team_forecast, month.team_budget)} of the ${money(month.team_budget, currency)} budgeted by teams; ` : "";
  return `${teams}${month.budgets_over || "none"} of ${count(month.budgets, "budget")} forecast to be exceeded`;
}

function aiTile(data, currency) {
  const { spend } = data;
  if (!spend?.ai_cost) return null;
  const forecast = aiTotal(data)?.forecast;
  const caption = `${money(spend.ai_cost, currency)} of ${money(spend.cost, currency)}, ${day(spend.from)} to ${day(spend.until)}`;
  return tile("AI share", percent(spend.ai_cost, spend.cost), forecast == null ? caption : `${caption}; forecast for ${monthOf(dayBefore(data, 1))}: ${money(forecast, currency)}`, "ai");
}

function findingTiles({ findings, waste }, currency) {
  const of = (category) => findings.filter((finding) => finding.category === category);
  const security = d3.group(findings, incidentOf);
  const incidents = [...security.values()].filter(([lead]) => lead.category === "security").length;
  return [
    of("waste").length ? tile("Waste", `${money(waste, currency)}/month`, `${count(of("waste").length, "finding")}: idle or oversized resources`, "waste") : null,
    incidents ? tile("Security findings to review", count(incidents, "incident"), groupMoney("security", of("security"), currency), "security") : null,
  ];
}

function unallocatedTile({ reports, spend }, currency) {
  const rows = reports.unowned_spend?.rows ?? [];
  const cost = d3.sum(rows, (row) => row.effective_cost);
  return rows.length ? tile("Unallocated", money(cost, currency), `${spend ? `${percent(cost, spend.cost)} of the spend of` : "in"} the last 30 complete days has no team`, "unallocated") : null;
}

// A page that may lack something states so at the top.
function incompleteScan({ coverage }) {
  const problems = coverage.failures.length + coverage.doubts.length;
  return problems ? make("p", { class: "alert" }, make("a", { href: "#coverage" }, `${count(problems, "problem")} in the last scan`), ": findings may be missing or out of date.") : null;
}

function sectionsOf(data, currency) {
  return [
    ["Spend", spendSection(data, currency)],
    ["Forecast", forecastSection(data, currency)],
    ["AI", aiSection(data, currency)],
    ["Findings", findingsSection(data, currency)],
    ["GPUs", gpusSection(data, currency)],
    ["Spend rate", spendRateSection(data, currency)],
    ["Changes", moversSection(data, currency)],
    ["Portfolio", portfolioSection(data, currency)],
    ["Unallocated", unallocatedSection(data, currency)],
    ["Savings", savingsSection(data, currency)],
    ["Coverage", coverageSection(data, currency)],
  ].filter(([, element]) => element);
}

function theme() {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const dark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const name = () => { button.textContent = dark() ? "Light" : "Dark"; button.setAttribute("aria-label", `Switch to ${dark() ? "light" : "dark"} theme`); };
  const kept = storedTheme();
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; storeTheme(root.dataset.theme); name(); });
  button.hidden = false;
  name();
}

// Some browsers refuse storage to files; the theme then lasts until the page is closed.
function storedTheme() {
  try { return localStorage.getItem("focuswatch-theme"); } catch { return null; }
}

function storeTheme(theme) {
  try { localStorage.setItem("focuswatch-theme", theme); } catch { /* see above */ }
}

// Of the listed findings those of highest cost are printed open, the others as a summary.
const PRINTED_OPEN = 10;

function openForPrint() {
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(".finding > details:not([open])")].slice(0, PRINTED_OPEN);
    for (const details of opened) { details.open = true; details.dispatchEvent(new Event("toggle")); }
  });
  addEventListener("afterprint", () => { for (const details of opened) details.open = false; });
}

async function start() {
  theme();
  const data = await readData();
  const currency = data.currency;
  document.title = `focuswatch · ${data.as_of}`;
  document.getElementById("as-of").textContent = `Bill as of ${data.as_of}, amounts in ${currency}. ${data.settled_until ? `The bill is complete through ${data.settled_until}; charges for later days can still change.` : "The bill has no complete day; all charges can still change."}`;
  const sections = sectionsOf(data, currency);
  document.getElementById("sections").append(make("ul", {}, sections.map(([name, element]) => make("li", {}, make("a", { href: `#${element.id}` }, name)))));
  document.getElementById("main").replaceChildren(...[totals(data, currency), incompleteScan(data)].filter(Boolean), ...sections.map(([, element]) => element));
  redraw();
  new ResizeObserver(redraw).observe(document.getElementById("main"));
  openForPrint();
  dispatchEvent(new Event("page-ready"));
  document.documentElement.dataset.ready = "yes";
}

start();
