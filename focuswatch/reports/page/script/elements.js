// Elements of the page. Text is only ever set as text: nothing that a bill names is read as markup.

const FIRST_ROWS = 6; // of a table; a button shows the others

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(key, "");
    else if (value != null && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null));
  return element;
}

function section(id, title, note, ...children) {
  const heading = make("h2", { id: `${id}-title` }, title);
  return make("section", { id, "aria-labelledby": `${id}-title` }, heading, note && make("p", { class: "note" }, note), children);
}

// `figure` is an amount with its unit, or a number; `section` is the ID of the section with the details.
function tile(name, figure, caption, section) {
  const [number, ...unit] = figure.split(" ");
  return make("div", { class: "tile" },
    make("dt", {}, section ? make("a", { href: `#${section}` }, name) : name),
    make("dd", { class: "figure" }, number, unit.length ? make("small", {}, ` ${unit.join(" ")}`) : null),
    caption && make("dd", { class: "tile-caption" }, caption));
}

function tiles(...items) {
  return make("dl", { class: "tiles" }, items);
}

function folded(summary, ...children) {
  return make("details", { class: "more" }, make("summary", {}, summary), children);
}

function part(title, ...children) {
  return make("div", { class: "part" }, make("h3", {}, title), children);
}

const wideElements = [];

// An element that can be wider than a phone scrolls on its own, by keyboard too. While a part of it is hidden, a line
// above it and a fading edge show this.
function scrolling(name, ...children) {
  const inner = make("div", { class: "scroll", role: "region", "aria-label": name, tabindex: "0" }, children);
  const outer = make("div", { class: "scrolling" }, make("p", { class: "scroll-cue", "aria-hidden": "true" }, "Scroll sideways for more"), make("div", { class: "frame" }, inner));
  inner.addEventListener("scroll", () => cue(outer), { passive: true });
  wideElements.push(outer);
  return outer;
}

function cue(outer) {
  const inner = outer.querySelector(".scroll");
  const hidden = inner.scrollWidth - inner.clientWidth;
  outer.toggleAttribute("data-wide", hidden > 1);
  outer.toggleAttribute("data-hidden-left", hidden > 1 && inner.scrollLeft > 1);
  outer.toggleAttribute("data-hidden-right", hidden - inner.scrollLeft > 1);
}

// `columns`: {name, of, number, class}; `of` gives a cell's text or element. `total` is a last row of the same columns.
function table(name, columns, rows, { first = rows.length, total = null } = {}) {
  const classes = (column) => [column.number && "number", column.class].filter(Boolean).join(" ") || null;
  const cells = (row) => columns.map((column) => make("td", { class: classes(column) }, column.of(row) ?? ""));
  const head = columns.map((column) => make("th", { scope: "col", class: classes(column) }, column.name));
  const body = make("tbody", {}, rows.map((row, index) => make("tr", { hidden: index >= first }, cells(row))));
  const foot = total ? make("tfoot", {}, make("tr", {}, cells(total))) : null;
  const caption = make("caption", { class: "visually-hidden" }, name);
  const element = scrolling(name, make("table", {}, caption, make("thead", {}, make("tr", {}, head)), body, foot));
  if (rows.length > first) element.append(moreRows(body, first));
  return element;
}

function moreRows(body, first) {
  const hidden = [...body.children].slice(first);
  const button = make("button", { type: "button", class: "show-more" }, `Show ${count(hidden.length, "more row")}`);
  button.addEventListener("click", () => {
    for (const row of hidden) row.hidden = false;
    button.parentElement.querySelector(".scroll").focus();
    button.remove();
  });
  return button;
}

// An amount as a bar, compared with the largest one.
function shareBar(value, largest) {
  const drawing = swatch("var(--model-inference)");
  drawing.setAttribute("viewBox", "0 0 100 10");
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.firstChild.setAttribute("width", largest > 0 ? Math.max(0, (100 * value) / largest) : 0);
  drawing.firstChild.removeAttribute("rx");
  return drawing;
}

function swatch(paint) {
  const namespace = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(namespace, "svg");
  drawing.setAttribute("viewBox", "0 0 10 10");
  drawing.setAttribute("aria-hidden", "true");
  const square = document.createElementNS(namespace, "rect");
  for (const [key, value] of Object.entries({ width: 10, height: 10, rx: 2, fill: paint })) square.setAttribute(key, value);
  drawing.append(square);
  return drawing;
}

function legend(items) {
  return make("ul", { class: "legend" }, items.map(([paint, name]) => make("li", {}, swatch(paint), name)));
}
