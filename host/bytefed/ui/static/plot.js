// Small line charts, drawn as SVG.

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [460, 200, 58, 22, 8];

function part(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "c") made.style.setProperty("--c", value);
    else made.setAttribute(key, value);
  }
  if (text !== undefined) made.textContent = text;
  return made;
}

// Numbers that people count with, between two others: three to six of them.
function ticks(low, high) {
  const rough = (high - low || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1000; at += step) found.push(at);
  return found;
}

// Draws lines: each { points: [[x, y], ...], color: a colour's variable, wide }; with text for values of y and of x.
export function plot(svg, lines, { low, high, y = String, x = String, dots = false } = {}) {
  const points = lines.flatMap((line) => line.points);
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.replaceChildren();
  if (!points.length) {
    svg.append(part("text", { x: WIDTH / 2, y: HEIGHT / 2, "text-anchor": "middle", class: "none" }, "nothing yet"));
    return;
  }
  const xs = points.map(([at]) => at);
  const ys = points.map(([, at]) => at);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const bottom = low ?? Math.min(...ys);
  const top = Math.max(high ?? Math.max(...ys), bottom + 1e-9);
  const atX = (value) => LEFT + ((WIDTH - LEFT - 12) * (value - left)) / (right - left || 1);
  const atY = (value) => TOP + ((HEIGHT - TOP - BOTTOM) * (top - value)) / (top - bottom);
  for (const value of ticks(bottom, top)) {
    svg.append(part("line", { x1: LEFT, x2: WIDTH - 12, y1: atY(value), y2: atY(value), class: "grid" }));
    svg.append(part("text", { x: LEFT - 6, y: atY(value) + 4, "text-anchor": "end", class: "tick" }, y(value)));
  }
  for (const [value, anchor] of left === right ? [[left, "start"]] : [[left, "start"], [right, "end"]])
    svg.append(part("text", { x: atX(value), y: HEIGHT - 5, "text-anchor": anchor, class: "tick" }, x(value)));
  for (const { points: course, color, wide } of lines) {
    const path = course.map(([a, b]) => `${atX(a).toFixed(1)},${atY(b).toFixed(1)}`).join(" ");
    svg.append(part("polyline", { points: path, class: wide ? "plot-line wide" : "plot-line", c: `var(${color})` }));
    if (dots || course.length === 1)
      for (const [a, b] of course) svg.append(part("circle", { cx: atX(a), cy: atY(b), r: 2.5, fill: `var(${color})` }));
  }
}
