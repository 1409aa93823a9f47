// The page: unpacks the data, puts the sections in order, keeps the theme that was chosen.

async function unpacked() {
  const bytes = Uint8Array.from(atob(document.getElementById("data").textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

function headline(shown, currency) {
  const month = shown.layers.month;
  const total = d3.sum(month, (row) => row.effective_cost);
  const before = d3.sum(month, (row) => row.effective_cost_before);
  const seen = d3.sum(month, (row) => row.seen_by_bedrock_filter);
  const grave = shown.findings.filter((finding) => finding.category === "security").length;
  return tiles(
    tile("AI, last 30 days", money(total, currency), total ? `${change(total, before)} to the 30 before; usage, without purchases, credits and tax` : "no AI spend"),
    tile("A Bedrock filter misses", percent(total - seen, total), total ? `${money(total - seen, currency)} of it` : "no AI spend"),
    tile("Waste found", money(shown.waste_found, currency), "a month, to switch off"),
    tile("To look into", String(grave), grave === 1 ? "security finding" : "security findings"),
    tile("Without an owner", shown.unowned_findings.findings.toLocaleString("en-US"), `${shown.unowned_findings.findings === 1 ? "finding" : "findings"}, ${money(shown.unowned_findings.waste, currency)} of waste a month`));
}

function sectionsOf(shown, currency) {
  return [
    ["What burns", layersSection(shown, currency)],
    ["Findings", findingsSection(shown, currency)],
    ["Out of pattern", anomaliesSection(shown, currency)],
    ["GPUs", gpusSection(shown, currency)],
    ["Movers", moversSection(shown, currency)],
    ["Forecast", forecastSection(shown, currency)],
    ["Portfolio", portfolioSection(shown, currency)],
    ["Nobody's", unownedSection(shown, currency)],
    ["Savings", savingsSection(shown, currency)],
    ["Data", freshnessSection(shown, currency)],
  ].filter(([, made]) => made);
}

function theme() {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const dark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const name = () => { button.textContent = dark() ? "Light" : "Dark"; button.setAttribute("aria-label", `Change to ${dark() ? "light" : "dark"} colours`); };
  const kept = remembered();
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; remember(root.dataset.theme); name(); });
  button.hidden = false;
  name();
}

// Storage is refused to files in some browsers; the theme is then kept as long as the page.
function remembered() {
  try { return localStorage.getItem("focuswatch-theme"); } catch { return null; }
}

function remember(chosen) {
  try { localStorage.setItem("focuswatch-theme", chosen); } catch { /* see above */ }
}

// Paper can open nothing: the costliest findings of those that are listed are printed open, the others as a line.
const OPEN_ON_PAPER = 10;

function paper() {
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(".finding > details:not([open])")].slice(0, OPEN_ON_PAPER);
    for (const details of opened) { details.open = true; details.dispatchEvent(new Event("toggle")); }
  });
  addEventListener("afterprint", () => { for (const details of opened) details.open = false; });
}

async function start() {
  theme();
  const shown = await unpacked();
  const currency = shown.currency;
  document.title = `focuswatch · ${shown.as_of}`;
  document.getElementById("as-of").textContent = `What this bill tells as of ${shown.as_of}, in ${currency}`;
  const sections = sectionsOf(shown, currency);
  document.getElementById("sections").append(make("ul", {}, sections.map(([name, made]) => make("li", {}, make("a", { href: `#${made.id}` }, name)))));
  document.getElementById("main").replaceChildren(headline(shown, currency), ...sections.map(([, made]) => made));
  redraw();
  new ResizeObserver(redraw).observe(document.getElementById("main"));
  paper();
  dispatchEvent(new Event("page-is-there"));
  document.documentElement.dataset.ready = "yes";
}

start();
