// Charts: each is an image with a name that states what it shows; its numbers are in a table next to it.

const INCOMPLETE = 0.45; // opacity of days whose charges can still change
const drawings = [];

// `draw(width)` returns a Plot; it is drawn again when its figure gets another width.
function chart(name, draw, figure = make("figure")) {
  drawings.push({ figure, name, draw, width: 0 });
  return figure;
}

function redraw() {
  for (const drawing of drawings) {
    const width = Math.floor(drawing.figure.clientWidth);
    if (!width || width === drawing.width) continue;
    drawing.width = width;
    const image = drawing.draw(width);
    for (const mark of image.querySelectorAll("[aria-label]")) mark.removeAttribute("aria-label"); // the image has one name
    image.setAttribute("role", "img");
    image.setAttribute("aria-label", drawing.name);
    drawing.figure.replaceChildren(image);
  }
  for (const outer of wideElements) cue(outer);
}

// className: the page's policy has the hash of the style that Plot gives this class.
function plot(options) {
  return Plot.plot({ className: "chart", opacity: { type: "identity" }, ...options });
}

const paint = (name) => `var(--${name.replaceAll(" ", "-")})`;
const noon = (text) => d3.utcHour.offset(dateOf(text), 12);

// A line over the middle of each day: complete days as they are, later days dashed and faded.
function dailyLine(points, options) {
  const last = d3.bisector((point) => !point.complete).right(points, false) - 1;
  return [
    Plot.line(points.slice(0, last + 1), options),
    Plot.line(points.slice(Math.max(last, 0)), { ...options, strokeOpacity: INCOMPLETE + 0.15, strokeDasharray: "3 3" }),
  ];
}
