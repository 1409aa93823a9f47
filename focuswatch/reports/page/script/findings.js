// Findings by cost, with filters; each with its evidence, its steps and their commands.

const PAGE_SIZE = 50;
const NO_OWNER = "no owner";
const FILTERS = [
  ["team", "Team", (finding) => finding.team ?? NO_OWNER],
  ["use_case", "Use case", (finding) => finding.use_case ?? "(no use case)"],
  ["intent", "Intent", (finding) => finding.intent ?? (finding.team ? "(no intent)" : "(unallocated)")],
  ["account", "Account", (finding) => finding.sub_account_id || finding.sub_account_name ? accountOf(finding) : "(whole organization)"],
  ["category", "Category", (finding) => finding.category],
  ["severity", "Severity", (finding) => finding.severity],
];

function findingsSection(data, currency) {
  const selected = {};
  const list = make("ol", { class: "findings" });
  const total = make("p", { class: "count", role: "status" });
  const more = make("button", { type: "button", class: "show-more" });
  const view = { data, currency, selected, list, total, more, matching: [], search: "" };
  const controls = FILTERS.map(([key, name, of]) => filter(view, key, name, of));
  const input = make("input", { type: "search", autocomplete: "off", spellcheck: "false" });
  input.addEventListener("input", () => { view.search = input.value.trim().toLowerCase(); refill(view); });
  const reset = make("button", { type: "button" }, "Clear filters");
  const form = make("form", { class: "filters", "aria-label": "Filter findings" }, controls, field("search", "Search", input), reset);
  form.addEventListener("submit", (event) => event.preventDefault());
  reset.addEventListener("click", () => clear(view, form));
  more.addEventListener("click", () => grow(view, { focus: true }));
  refill(view);
  openLinked(view, form);
  return section("findings", "Findings", null, form, total, list, more);
}

function filter(view, key, name, of) {
  const sums = d3.rollups(view.data.findings, (group) => ({ number: group.length }), of);
  sums.sort(([, one], [, other]) => other.number - one.number); // amounts of several categories have no common sum
  const options = sums.map(([value, { number }]) => make("option", { value }, `${value} (${number})`));
  const select = make("select", { name: key }, make("option", { value: "" }, "all"), options);
  select.addEventListener("change", () => { view.selected[key] = select.selectedIndex ? select.value : null; refill(view); });
  return field(key, name, select);
}

function field(id, name, control) {
  control.id = `filter-${id}`;
  return make("div", { class: "field" }, make("label", { for: control.id }, name), control);
}

function clear(view, form) {
  form.reset();
  for (const [key] of FILTERS) view.selected[key] = null;
  view.search = "";
  refill(view);
}

function matches(view, finding) {
  if (!FILTERS.every(([key, , of]) => view.selected[key] == null || of(finding) === view.selected[key])) return false;
  if (!view.search) return true;
  const title = view.data.detections[finding.detection].title;
  const text = [title, finding.reason, finding.resource_id, finding.service_name, finding.region_id, finding.sub_account_id, finding.sub_account_name, finding.team, finding.fingerprint, finding.detection].join(" ").toLowerCase();
  return text.includes(view.search);
}

function refill(view) {
  view.matching = view.data.findings.filter((finding) => matches(view, finding));
  const waste = d3.sum(view.matching.filter((finding) => finding.category === "waste"), (finding) => finding.monthly_cost);
  const all = view.data.findings.length;
  view.total.textContent = all
    ? `${count(view.matching.length, "finding")}${view.matching.length < all ? ` of ${all.toLocaleString("en-US")}` : ""}, ${money(waste, view.currency)}/month of waste`
    : "No open findings.";
  view.list.replaceChildren();
  grow(view);
}

function grow(view, { focus = false, until = 0 } = {}) {
  const first = view.list.children.length;
  const end = Math.max(first + PAGE_SIZE, until);
  view.list.append(...view.matching.slice(first, end).map((finding) => item(view, finding)));
  const remaining = view.matching.length - view.list.children.length;
  view.more.hidden = remaining <= 0;
  view.more.textContent = `Show ${Math.min(remaining, PAGE_SIZE)} more of ${remaining.toLocaleString("en-US")}`;
  if (focus) view.list.children[first]?.querySelector("summary").focus();
}

// #FINGERPRINT opens a finding; messages and the charts of this page link to it.
function openLinked(view, form) {
  const go = () => {
    const fingerprint = location.hash.slice(1);
    if (!fingerprint || !view.data.findings.some((finding) => finding.fingerprint === fingerprint)) return;
    clear(view, form);
    grow(view, { until: view.matching.findIndex((finding) => finding.fingerprint === fingerprint) + 1 });
    const details = document.getElementById(fingerprint)?.querySelector("details");
    if (!details) return;
    details.open = true;
    details.querySelector("summary").focus();
    details.scrollIntoView({ block: "start" });
  };
  addEventListener("hashchange", go);
  addEventListener("page-ready", go);
}

function item(view, finding) {
  const { title } = view.data.detections[finding.detection];
  const place = [finding.sub_account_id || finding.sub_account_name ? accountOf(finding) : "the whole organization", finding.region_id, finding.service_name, resourceName(finding.resource_id)].filter(Boolean);
  const details = make("details", {}, make("summary", {},
    make("span", { class: "money" }, money(finding.monthly_cost, view.currency), make("small", {}, finding.amount_is), ifContinues(finding, view.currency)),
    make("span", { class: "title" }, title),
    make("span", { class: "where" }, make("span", { class: `severity ${finding.severity}` }, finding.severity), ` · ${finding.category} · ${finding.team ?? NO_OWNER} · ${place.join(" · ")}`),
    make("span", { class: "why" }, finding.reason)));
  details.addEventListener("toggle", () => { if (details.open && details.children.length === 1) details.append(findingDetails(view, finding)); });
  return make("li", { class: "finding", id: finding.fingerprint }, details);
}

// Of an event: that it ended, or its cost per month if it continues.
function ifContinues(finding, currency) {
  if (finding.cost_so_far == null) return null;
  if (finding.ended_on) return make("small", {}, "ended");
  return finding.monthly_cost_if_continues ? make("small", {}, `${money(finding.monthly_cost_if_continues, currency)}/month if usage continues`) : null;
}

function findingDetails(view, finding) {
  const { blind_spots: limitations, why } = view.data.detections[finding.detection];
  const facts = {
    resource: finding.resource_id, account: finding.sub_account_id || finding.sub_account_name ? accountOf(finding) : null,
    use_case: finding.use_case, intent: finding.intent,
    owner: finding.team ? `${finding.team} (by ${finding.owned_by})` : NO_OWNER,
    days: period(finding.first_seen, finding.last_seen), acknowledged_by: finding.acknowledged_by,
    ...finding.evidence, detection: finding.detection, fingerprint: finding.fingerprint,
  };
  const pairs = Object.entries(facts).filter(([, value]) => value != null).flatMap(([name, value]) => [make("dt", {}, label(name)), make("dd", {}, written(value))]);
  return make("div", { class: "inside" },
    make("div", {}, make("h4", {}, "What to do"), make("p", { class: "steps" }, finding.action), commands(finding)),
    finding.root_cause.length ? make("div", {}, make("h4", {}, "Root cause"), make("ul", { class: "drivers" }, finding.root_cause.map((line) => make("li", {}, line)))) : null,
    make("div", {}, make("h4", {}, "Evidence"), make("dl", { class: "pairs" }, pairs)),
    folded("About this detection and known limitations", make("p", {}, why), make("ul", {}, limitations.map((limitation) => make("li", {}, limitation)))));
}

function commands(finding) {
  return finding.commands.map((command) => {
    const button = make("button", { type: "button", "aria-label": `Copy: ${command}` }, "Copy");
    button.addEventListener("click", async () => { button.textContent = (await copied(command)) ? "Copied" : "Select the text"; });
    return make("div", { class: "command" }, make("code", {}, command), button);
  });
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // some browsers refuse the clipboard to files; the command can be selected instead
  }
}
