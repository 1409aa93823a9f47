// Findings by money, filtered by team, account and category; each with its evidence, its steps and their commands.

const A_SCREEN = 50;
const NOBODY = "(unallocated)";
const FILTERS = [
  ["team", "Team", (finding) => finding.team ?? NOBODY],
  ["use_case", "Use case", (finding) => finding.use_case ?? "(no use case)"],
  ["intent", "Intent", (finding) => finding.intent ?? (finding.team ? "(not specified)" : "(unallocated)")],
  ["account", "Account", (finding) => finding.sub_account_id || finding.sub_account_name ? accountOf(finding) : "(the whole organisation)"],
  ["category", "Category", (finding) => finding.category],
  ["severity", "Severity", (finding) => finding.severity],
];

function findingsSection(shown, currency) {
  const chosen = {};
  const list = make("ol", { class: "findings" });
  const said = make("p", { class: "count", role: "status" });
  const more = make("button", { type: "button", class: "show-more" });
  const view = { shown, currency, chosen, list, said, more, matching: [], words: "" };
  const controls = FILTERS.map(([key, name, of]) => filter(view, key, name, of));
  const search = make("input", { type: "search", autocomplete: "off", spellcheck: "false" });
  search.addEventListener("input", () => { view.words = search.value.trim().toLowerCase(); refill(view); });
  const reset = make("button", { type: "button" }, "All findings");
  const form = make("form", { class: "filters", "aria-label": "Filter findings" }, controls, field("words", "Words", search), reset);
  form.addEventListener("submit", (event) => event.preventDefault());
  reset.addEventListener("click", () => clear(view, form));
  more.addEventListener("click", () => grow(view, { focus: true }));
  refill(view);
  openNamed(view, form);
  return section("findings", "Findings by money", null, form, said, list, more);
}

function filter(view, key, name, of) {
  const sums = d3.rollups(view.shown.findings, (group) => ({ many: group.length }), of);
  sums.sort(([, one], [, other]) => other.many - one.many); // amounts of several categories have no sum
  const options = sums.map(([value, { many }]) => make("option", { value }, `${value} (${many})`));
  const select = make("select", { name: key }, make("option", { value: "" }, "all"), options);
  select.addEventListener("change", () => { view.chosen[key] = select.selectedIndex ? select.value : null; refill(view); });
  return field(key, name, select);
}

function field(id, name, control) {
  control.id = `filter-${id}`;
  return make("div", { class: "field" }, make("label", { for: control.id }, name), control);
}

function clear(view, form) {
  form.reset();
  for (const [key] of FILTERS) view.chosen[key] = null;
  view.words = "";
  refill(view);
}

function matches(view, finding) {
  if (!FILTERS.every(([key, , of]) => view.chosen[key] == null || of(finding) === view.chosen[key])) return false;
  if (!view.words) return true;
  const title = view.shown.detections[finding.detection].title;
  const text = [title, finding.reason, finding.resource_id, finding.service_name, finding.region_id, finding.sub_account_id, finding.sub_account_name, finding.team, finding.fingerprint, finding.detection].join(" ").toLowerCase();
  return text.includes(view.words);
}

function refill(view) {
  view.matching = view.shown.findings.filter((finding) => matches(view, finding));
  const waste = d3.sum(view.matching.filter((one) => one.category === "waste"), (one) => one.monthly_cost);
  const all = view.shown.findings.length;
  view.said.textContent = all
    ? `${count(view.matching.length, "finding")}${view.matching.length < all ? ` of ${all.toLocaleString("en-US")}` : ""}, ${money(waste, view.currency)} of waste a month`
    : "Nothing is open.";
  view.list.replaceChildren();
  grow(view);
}

function grow(view, { focus = false, until = 0 } = {}) {
  const begin = view.list.children.length;
  const end = Math.max(begin + A_SCREEN, until);
  view.list.append(...view.matching.slice(begin, end).map((finding) => item(view, finding)));
  const rest = view.matching.length - view.list.children.length;
  view.more.hidden = rest <= 0;
  view.more.textContent = `Show ${Math.min(rest, A_SCREEN)} more of ${rest.toLocaleString("en-US")}`;
  if (focus) view.list.children[begin]?.querySelector("summary").focus();
}

// #FINGERPRINT opens a finding: what messages and the page's own charts link to.
function openNamed(view, form) {
  const go = () => {
    const named = location.hash.slice(1);
    if (!named || !view.shown.findings.some((finding) => finding.fingerprint === named)) return;
    clear(view, form);
    grow(view, { until: view.matching.findIndex((finding) => finding.fingerprint === named) + 1 });
    const details = document.getElementById(named)?.querySelector("details");
    if (!details) return;
    details.open = true;
    details.querySelector("summary").focus();
    details.scrollIntoView({ block: "start" });
  };
  addEventListener("hashchange", go);
  addEventListener("page-is-there", go);
}

function item(view, finding) {
  const { title } = view.shown.detections[finding.detection];
  const place = [finding.sub_account_id || finding.sub_account_name ? accountOf(finding) : "the whole organisation", finding.region_id, finding.service_name, bare(finding.resource_id)].filter(Boolean);
  const details = make("details", {}, make("summary", {},
    make("span", { class: "money" }, money(finding.monthly_cost, view.currency), make("small", {}, finding.amount_is), goesOn(finding, view.currency)),
    make("span", { class: "title" }, title),
    make("span", { class: "where" }, make("span", { class: `severity ${finding.severity}` }, finding.severity), ` · ${finding.category} · ${finding.team ?? NOBODY} · ${place.join(" · ")}`),
    make("span", { class: "why" }, finding.reason)));
  details.addEventListener("toggle", () => { if (details.open && details.children.length === 1) details.append(inside(view, finding)); });
  return make("li", { class: "finding", id: finding.fingerprint }, details);
}

// Of an event: its end, or what a month of it would cost.
function goesOn(finding, currency) {
  if (finding.cost_so_far == null) return null;
  if (finding.ended_on) return make("small", {}, "ended");
  return finding.monthly_cost_if_continues ? make("small", {}, `${money(finding.monthly_cost_if_continues, currency)} a month if it continues`) : null;
}

function inside(view, finding) {
  const { blind_spots: spots, why } = view.shown.detections[finding.detection];
  const facts = {
    resource: finding.resource_id, account: finding.sub_account_id,
    use_case: finding.use_case, intent: finding.intent,
    owner: finding.team ? `${finding.team}, by ${finding.owned_by}` : "nobody",
    seen: `${finding.first_seen} to ${finding.last_seen}`, acknowledged_by: finding.acknowledged_by,
    ...finding.evidence, detection: finding.detection, fingerprint: finding.fingerprint,
  };
  const pairs = Object.entries(facts).filter(([, value]) => value != null).flatMap(([name, value]) => [make("dt", {}, label(name)), make("dd", {}, written(value))]);
  return make("div", { class: "inside" },
    make("div", {}, make("h4", {}, "What to do"), make("p", { class: "steps" }, finding.action), commands(finding)),
    finding.why.length ? make("div", {}, make("h4", {}, "Why it rose"), make("ul", { class: "causes" }, finding.why.map((line) => make("li", {}, line)))) : null,
    make("div", {}, make("h4", {}, "Evidence"), make("dl", { class: "pairs" }, pairs)),
    folded("What this is, and how it may be wrong", make("p", {}, why), make("ul", {}, spots.map((spot) => make("li", {}, spot)))));
}

function commands(finding) {
  return finding.commands.map((command) => {
    const button = make("button", { type: "button", "aria-label": `Copy: ${command}` }, "Copy");
    button.addEventListener("click", async () => { button.textContent = (await copied(command)) ? "Copied" : "Select it"; });
    return make("div", { class: "command" }, make("code", {}, command), button);
  });
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // a browser that keeps the clipboard from files: the command stands there to be selected
  }
}
