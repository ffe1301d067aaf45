// The boards that are connected: what each is and holds, and what it is doing.
import { attempt, post } from "./server.js";
import { element } from "./format.js";

const form = document.getElementById("connect-form");
const DOING = { signal: "shows its signal", predictions: "classifies", capture: "captures", training: "in training" };
const SHOWN = ["uid", "board", "model", "head", "link", "signal", "samples", "RAM free", "sensor", "firmware", "round"];
let seats = new Map();
const listeners = [];

export const all = () => [...seats.values()];
export const onChange = (listener) => listeners.push(listener);

export function showAll(documents) {
  seats = new Map(documents.map((each) => [each.key, each]));
  changed();
}

export function show(document_) {
  if (!seats.has(document_.key)) return;
  seats.set(document_.key, document_);
  changed();
}

export const isTraining = () => all().some((seat) => seat.doing === "training");

function changed() {
  document.getElementById("board-cards").replaceChildren(...all().map(card));
  for (const id of ["look", "disconnect"]) document.getElementById(id).disabled = !seats.size || isTraining();
  for (const listener of listeners) listener();
}

function card(seat) {
  const state = element("span", { class: seat.doing ? "state good" : "state" }, DOING[seat.doing] ?? (seat.facts.uid ? "ready" : "…"));
  const facts = SHOWN.filter((name) => seat.facts[name]).map((name) => [name, seat.facts[name]]);
  if (seat.milliseconds !== null) facts.push(["question and answer", `${seat.milliseconds} ms`]);
  if (seat.labels.length) facts.push(["labels", seat.labels.map(({ name, train, test }) => `${name} ${train}+${test}`).join(", ")]);
  const list = facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)));
  const parts = [element("h3", {}, seat.uri, state), element("dl", { class: "facts" }, ...list)];
  if (seat.error) parts.push(element("p", { class: "bad" }, `[${seat.error.code}] ${seat.error.message} ${seat.error.remedy}`));
  return element("div", { "data-board": seat.uri }, ...parts);
}

// Work behind a button that can take a while: it can't be pressed twice.
export async function busily(button, work) {
  button.disabled = true;
  await attempt(work);
  button.disabled = false;
}

export function start(models) {
  const select = form.elements.model;
  select.append(...models.map((name) => element("option", { value: name, selected: name === "motion" }, name)));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const uris = form.elements.uris.value.split(/[\s,]+/).filter(Boolean);
    const connect = () => post("/api/connect", { uris: uris.length ? uris : ["serial:auto"], model: select.value });
    busily(form.querySelector("button.main"), connect);
  });
  document.getElementById("look").addEventListener("click", () => attempt(() => post("/api/look")));
  document.getElementById("disconnect").addEventListener("click", () => attempt(() => post("/api/disconnect")));
}
