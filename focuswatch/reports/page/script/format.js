// How values are written: as the focuswatch command prints them.

const WHOLE_FROM = 100; // amounts from here on have no decimals
const dayFormat = new Intl.DateTimeFormat("en-US", { month: "short", day: "numeric", timeZone: "UTC" });
const shortFormat = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

function amount(value) {
  if (value == null) return "–";
  const decimals = Math.round(100 * Math.abs(value)) < 100 * WHOLE_FROM ? 2 : 0;
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

function money(value, currency) {
  return value == null ? "–" : `${amount(value)} ${currency}`;
}

function short(value) {
  return value == null ? "–" : shortFormat.format(value);
}

function change(now, before) {
  if (!before) return now ? "new" : "–";
  if (now >= 10 * before && before > 0) return `${Math.round(now / before).toLocaleString("en-US")}×`;
  const points = Math.round((100 * (now - before)) / before);
  return `${points > 0 ? "+" : points < 0 ? "−" : ""}${Math.abs(points)}%`;
}

function percent(part, whole) {
  return whole ? `${Math.round((100 * part) / whole)}%` : "–";
}

function dateOf(text) {
  return new Date(`${text}T00:00:00Z`);
}

function day(text) {
  return dayFormat.format(dateOf(text));
}

// The label of a day on a chart's axis.
function tick(moment) {
  return dayFormat.format(moment);
}

const monthFormat = new Intl.DateTimeFormat("en-US", { month: "long", timeZone: "UTC" });

function monthOf(text) {
  return monthFormat.format(dateOf(text));
}

// "2026-05-27", or "2026-05-27 to 2026-06-01".
function period(first, last) {
  return first === last ? first : `${first} to ${last}`;
}

// The day that is so many days before as_of; the day before is the last one that the bill may have charges of.
function dayBefore(data, days) {
  return d3.utcDay.offset(dateOf(data.as_of), -days).toISOString().slice(0, 10);
}

// Whether the charges of a day no longer change; a bill without complete days has none.
function isComplete(text, data) {
  return data.settled_until != null && text <= data.settled_until;
}

// States which days of a chart can still change.
function incompleteDays(last, data) {
  if (data.settled_until == null) return "The charges for all days can still change.";
  return last > data.settled_until ? `Days after ${day(data.settled_until)} are faded, because their charges can still change.` : "";
}

function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;
}

// The last part of an ARN.
function resourceName(resource) {
  return resource ? resource.split(/[/:]/).filter(Boolean).pop() ?? resource : "";
}

function cut(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function accountOf({ sub_account_name: name, sub_account_id: id }) {
  return name && id ? `${name} (${id})` : name ?? id ?? "(no account)";
}

// The cost column and the charges that a report's amounts are of.
function basisOf(report) {
  return report?.basis ? `Basis: ${report.basis}.` : "";
}

function label(column) {
  const acronyms = { ai: "AI", gb: "GB", gpu: "GPU", id: "ID", ids: "IDs", ocu: "OCU" };
  const ordered = column.endsWith("_before") ? `previous_${column.slice(0, -"_before".length)}` : column;
  const text = ordered.split("_").map((word) => acronyms[word] ?? word).join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function written(value) {
  if (value == null) return "–";
  if (typeof value === "number") return Number.isInteger(value) ? value.toLocaleString("en-US") : amount(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map(written).join("\n");
  if (typeof value === "object") return Object.entries(value).map(([key, item]) => `${key} = ${written(item)}`).join("\n");
  return String(value);
}
