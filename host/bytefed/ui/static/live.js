// The labels that boards give their sensors' windows, as they tell them.
import * as boards from "./boards.js";
import { attempt, post } from "./server.js";
import { bytes, element, percent } from "./format.js";

const form = document.getElementById("live-form");
const COLORS = ["--s0", "--s1", "--s2", "--s3", "--s4", "--s5", "--s6", "--s7"];
const MOST = 60;
const seen = new Map(); // by board: its predictions, the newest last

const watching = () => boards.all().some((seat) => seat.doing === "predictions");

function refresh() {
  const button = document.getElementById("watch");
  button.textContent = watching() ? "Stop watching" : "Watch the boards";
  button.disabled = !boards.all().length || boards.isTraining();
  const known = new Set(boards.all().map((seat) => seat.key));
  for (const key of seen.keys()) if (!known.has(key)) seen.delete(key);
  draw();
}

export function predict(news) {
  seen.set(news.key, [...(seen.get(news.key) ?? []), news].slice(-MOST));
  draw();
}

function draw() {
  const shown = boards.all().filter((seat) => seen.has(seat.key) || seat.doing === "predictions");
  document.getElementById("predictions").replaceChildren(...shown.map(card));
}

function card(seat) {
  const all = seen.get(seat.key) ?? [];
  const last = all[all.length - 1];
  if (!last) return element("div", {}, element("h3", {}, seat.uri), element("p", { class: "said none" }, "listens …"));
  const names = seat.labels.map(({ name }) => name);
  const said = last.smoothed ?? "none";
  const sure = last.label === null ? `none, nearest ${last.likeliest}, ${percent(last.confidence)}` : `${last.label}, ${percent(last.confidence)}`;
  // The bar belongs to the label of this window alone: it is not drawn below another one that smoothing keeps.
  const itsOwn = last.label !== null && last.label === last.smoothed;
  const strip = all.map(({ label }) => element("i", { title: label ?? "none", c: label === null ? "var(--hair)" : `var(${COLORS[names.indexOf(label) % COLORS.length]})` }));
  const exact = last.wire === last.estimate ? "as estimated" : `estimate ${bytes(last.estimate)}`;
  return element(
    "div", { "data-said": said },
    element("h3", {}, seat.uri),
    element("p", { class: last.smoothed === null ? "said none" : "said" }, said),
    element("meter", { min: 0, max: 1, value: last.confidence, "aria-label": "confidence", class: itsOwn ? "" : "void" }),
    element("p", { class: "fine" }, `window ${last.window}: ${sure}; ${bytes(last.wire)}, ${exact}`),
    element("div", { class: "strip", "aria-hidden": "true" }, ...strip),
  );
}

export function start() {
  boards.onChange(refresh);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const asked = { personal: form.elements.personal.checked, unknown: Number(form.elements.unknown.value) };
    attempt(() => post("/api/live", { doing: watching() ? "" : "predictions", ...asked }));
  });
}
