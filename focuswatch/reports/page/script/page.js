// The page: decompresses the data, orders the sections, and keeps the selected theme.

async function readData() {
  const bytes = Uint8Array.from(atob(document.getElementById("data").textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

function totals(data, currency) {
  const month = data.layers.month;
  const total = d3.sum(month, (row) => row.effective_cost);
  const before = d3.sum(month, (row) => row.effective_cost_before);
  const bedrock = d3.sum(month, (row) => row.seen_by_bedrock_filter);
  const security = data.findings.filter((finding) => finding.category === "security").length;
  const { findings: unowned, waste: unownedWaste } = data.unowned;
  return tiles(
    tile("AI spend, last 30 days", money(total, currency), total ? `${change(total, before)} compared with the 30 days before; usage and subscriptions, excluding commitments, credits and tax` : "no AI spend"),
    tile("Not in a Bedrock filter", percent(total - bedrock, total), total ? `${money(total - bedrock, currency)} of AI spend` : "no AI spend"),
    tile("Open waste", `${money(data.waste, currency)}/month`, "potential savings"),
    tile("Security", security.toLocaleString("en-US"), security === 1 ? "open finding" : "open findings"),
    tile("No owner", unowned.toLocaleString("en-US"), `${unowned === 1 ? "finding" : "findings"}, ${money(unownedWaste, currency)}/month of waste`));
}

function sectionsOf(data, currency) {
  return [
    ["Daily spend", dailySpendSection(data, currency)],
    ["Findings", findingsSection(data, currency)],
    ["Anomalies", anomaliesSection(data, currency)],
    ["GPUs", gpusSection(data, currency)],
    ["Spend rate", spendRateSection(data, currency)],
    ["Changes", moversSection(data, currency)],
    ["Forecast", forecastSection(data, currency)],
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
  document.getElementById("as-of").textContent = `AWS bill as of ${data.as_of}, amounts in ${currency}`;
  const sections = sectionsOf(data, currency);
  document.getElementById("sections").append(make("ul", {}, sections.map(([name, element]) => make("li", {}, make("a", { href: `#${element.id}` }, name)))));
  document.getElementById("main").replaceChildren(totals(data, currency), ...sections.map(([, element]) => element));
  redraw();
  new ResizeObserver(redraw).observe(document.getElementById("main"));
  openForPrint();
  dispatchEvent(new Event("page-ready"));
  document.documentElement.dataset.ready = "yes";
}

start();
