// One way to draw: a chart is a picture with a name that says what it shows; the numbers stand in a table beside it.

const drawings = [];

// `draw(width)` gives a Plot; it is drawn anew when its place gets another width.
function chart(name, draw) {
  const place = make("figure", {});
  drawings.push({ place, name, draw, width: 0 });
  return place;
}

function redraw() {
  for (const drawing of drawings) {
    const width = Math.floor(drawing.place.clientWidth);
    if (!width || width === drawing.width) continue;
    drawing.width = width;
    const drawn = drawing.draw(width);
    for (const mark of drawn.querySelectorAll("[aria-label]")) mark.removeAttribute("aria-label"); // a picture is named once
    drawn.setAttribute("role", "img");
    drawn.setAttribute("aria-label", drawing.name);
    drawing.place.replaceChildren(drawn);
  }
}

// className: the hash of the style that Plot gives this class stands in the page's policy.
function plot(options) {
  return Plot.plot({ className: "chart", ...options });
}

const paint = (name) => `var(--${name.replaceAll(" ", "-")})`;
