// Open findings, a row for each incident: waste, security, anomalies and governance apart, each in its own money.

const PAGE_SIZE = 10;
const MOST_GOVERNANCE = 5; // at first: these findings are no costs to stop
const NO_OWNER = "no owner";
const GROUPS = [
  ["waste", "Waste"],
  ["security", "Security findings to review"],
  ["anomaly", "Anomalies"],
  ["governance", "Governance: budgets, tags, exports"],
];
const FILTERS = [
  ["team", "Team", (finding) => finding.team ?? NO_OWNER],
  ["account", "Account", (finding) => (hasAccount(finding) ? accountOf(finding) : "(whole organization)")],
  ["severity", "Severity", (finding) => finding.severity],
  ["use_case", "Use case", (finding) => finding.use_case ?? "(no use case)"],
  ["intent", "Intent", (finding) => finding.intent ?? (finding.team ? "(no intent)" : "(unallocated)")],
];

const hasAccount = (finding) => Boolean(finding.sub_account_id || finding.sub_account_name);
const incidentOf = (finding) => finding.incident ?? finding.fingerprint;

function findingsSection(data, currency) {
  if (!data.findings.length) return section("findings", "Findings", "No open findings.");
  const status = make("p", { class: "count", role: "status" });
  // The first finding of an incident is its lead: the document lists it first.
  const incidents = d3.groups(data.findings, incidentOf).map(([, findings]) => findings);
  const view = { data, currency, incidents, selected: {}, status, search: "", searched: new Map() };
  view.groups = GROUPS.map(([category, name]) => findingGroup(view, category, name)).filter(({ all }) => all.length);
  const form = filterForm(view);
  refill(view);
  openLinked(view, form);
  return section("findings", "Findings", null, form, status, view.groups.map(({ element }) => element));
}

function findingGroup(view, category, name) {
  const list = make("ol", { class: "findings" });
  const total = make("p", { class: "note" });
  const more = make("button", { type: "button", class: "show-more" });
  const element = make("div", { class: "part", id: category }, make("h3", {}, name), total, list, more);
  const group = { category, element, list, total, more, all: view.incidents.filter(([lead]) => lead.category === category), matching: [] };
  more.addEventListener("click", () => grow(view, group, { focus: true }));
  return group;
}

function filterForm(view) {
  const [team, account, severity, ...others] = FILTERS.map(([key, name, of]) => filter(view, key, name, of));
  const input = make("input", { type: "search", autocomplete: "off", spellcheck: "false" });
  input.addEventListener("input", () => { view.search = input.value.trim().toLowerCase(); refill(view); });
  const reset = make("button", { type: "button" }, "Clear filters");
  const form = make("form", { class: "filters", "aria-label": "Filter findings" }, team, account, severity, others, field("search", "Search", input), reset);
  form.addEventListener("submit", (event) => event.preventDefault());
  reset.addEventListener("click", () => clear(view, form));
  return form;
}

function filter(view, key, name, of) {
  const sums = d3.rollups(view.data.findings, (group) => group.length, of).sort(([, one], [, other]) => other - one);
  const options = sums.map(([value, number]) => make("option", { value }, `${value} (${number})`));
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
  return FILTERS.every(([key, , of]) => view.selected[key] == null || of(finding) === view.selected[key])
    && (!view.search || searchText(view, finding).includes(view.search));
}

function searchText(view, finding) {
  if (!view.searched.has(finding)) {
    const { title } = view.data.detections[finding.detection];
    view.searched.set(finding, [title, finding.reason, finding.resource_id, finding.service_name, finding.region_id, finding.sub_account_id, finding.sub_account_name, finding.team, finding.fingerprint, finding.detection].join(" ").toLowerCase());
  }
  return view.searched.get(finding);
}

// An incident is listed if one of its findings matches.
function refill(view) {
  const matching = new Set(view.data.findings.filter((finding) => matches(view, finding)));
  const listed = view.incidents.filter((findings) => findings.some((finding) => matching.has(finding)));
  for (const group of view.groups) {
    group.matching = listed.filter(([lead]) => lead.category === group.category);
    group.element.hidden = !group.matching.length;
    group.total.textContent = groupText(group.matching, [...matching].filter(({ category }) => category === group.category), view.currency);
    group.list.replaceChildren();
    grow(view, group);
  }
  const all = view.data.findings.length;
  view.status.textContent = matching.size < all ? `${count(matching.size, "finding")} of ${all.toLocaleString("en-US")} match the filters.` : `${count(all, "open finding")}.`;
  redraw();
}

function groupText(incidents, findings, currency) {
  const number = d3.sum(incidents, ({ length }) => length);
  const counted = number > incidents.length ? `${count(incidents.length, "incident")} with ${count(number, "finding")}` : count(number, "finding");
  return [counted, groupMoney(incidents[0]?.[0].category, findings, currency)].filter(Boolean).join(": ");
}

// Each dollar counts once; amounts of governance findings have no common sum.
function groupMoney(category, findings, currency) {
  const here = new Set(findings.map(({ fingerprint }) => fingerprint));
  const counted = findings.filter((finding) => !here.has(finding.counted_in));
  const sum = (key) => d3.sum(counted, (finding) => finding[key]);
  if (category === "waste") return `${money(sum("monthly_cost"), currency)}/month in potential savings`;
  if (category === "governance" || !category) return "";
  if (counted.every((finding) => finding.cost_so_far == null)) return "";
  const continuing = sum("monthly_cost_if_continues");
  const spent = `${money(sum("cost_so_far"), currency)} ${category === "anomaly" ? "above expected" : "charged"} so far`;
  return continuing ? `${spent}, ${money(continuing, currency)}/month if usage continues` : spent;
}

function grow(view, group, { focus = false, until = 0 } = {}) {
  const first = group.list.children.length;
  const end = Math.max(first || group.category !== "governance" ? first + PAGE_SIZE : MOST_GOVERNANCE, until);
  group.list.append(...group.matching.slice(first, end).map((findings) => incidentRow(view, findings)));
  const remaining = group.matching.length - group.list.children.length;
  group.more.hidden = remaining <= 0;
  group.more.textContent = `Show ${Math.min(remaining, PAGE_SIZE)} more of ${remaining.toLocaleString("en-US")}`;
  if (focus) { redraw(); group.list.children[first]?.querySelector("summary").focus(); }
}

// #FINGERPRINT opens a finding; messages and the charts of this page link to it.
function openLinked(view, form) {
  const go = () => {
    const fingerprint = location.hash.slice(1);
    const findings = view.incidents.find((members) => members.some((finding) => finding.fingerprint === fingerprint));
    if (!fingerprint || !findings) return;
    clear(view, form);
    const group = view.groups.find(({ category }) => category === findings[0].category);
    grow(view, group, { until: group.matching.indexOf(findings) + 1 });
    openFinding(findings[0].fingerprint);
    const details = openFinding(fingerprint);
    if (!details) return;
    details.querySelector("summary").focus();
    details.scrollIntoView({ block: "start" });
  };
  addEventListener("hashchange", go);
  addEventListener("page-ready", go);
}

function openFinding(fingerprint) {
  const details = document.getElementById(fingerprint)?.querySelector("details");
  if (!details) return null;
  details.open = true;
  details.dispatchEvent(new Event("toggle")); // the browser's own event comes later
  return details;
}
