// Captures with labels, by button or by key; the counts; the ways back; and the signal of the chosen board.
import * as boards from "./boards.js";
import * as loudness from "./loudness.js";
import { attempt, post } from "./server.js";
import { bytes, element } from "./format.js";
import { plot } from "./plot.js";

const form = document.getElementById("capture-form");
const labelsForm = document.getElementById("labels-form");
const buttons = document.getElementById("label-buttons");
const state = document.getElementById("capture-state");
const COLORS = ["--s0", "--s1", "--s2", "--s3", "--s4", "--s6"];
const MOST_SECONDS = 15;
const done = new Map(); // by board: windows of the capture that goes on
let capturing = ""; // the label, of a capture that this page began
let ending = false; // whether the user has ended it
let course = []; // of the signal: [seconds, values of each axis]
let shown = "";
let filled = ""; // by the page into the field of labels; what the user typed there stays

const chosen = () => {
  const key = form.elements.board.value;
  return boards.all().filter((seat) => !key || seat.key === key);
};
const keys = () => chosen().map((seat) => seat.key);

// The labels of the chosen boards, with the samples of all of them.
function labels() {
  const found = new Map();
  for (const seat of chosen())
    for (const { name, train, test } of seat.labels) {
      const before = found.get(name) ?? { train: 0, test: 0 };
      found.set(name, { train: before.train + train, test: before.test + test });
    }
  return found;
}

function fill(select, options) {
  const before = select.value;
  select.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
  if (options.some(([value]) => value === before)) select.value = before;
}

export function refresh() {
  const seats = boards.all();
  fill(form.elements.board, [["", "all boards"], ...seats.map((seat) => [seat.key, seat.uri])]);
  const found = [...labels()];
  fill(document.getElementById("forget-label"), found.map(([name]) => [name, name]));
  const off = !seats.length || boards.isTraining();
  const made = found.map(([name, counts], number) => button(name, counts, number, off));
  const focused = [...buttons.children].indexOf(document.activeElement);
  buttons.replaceChildren(...made);
  buttons.children[focused]?.focus();
  for (const id of ["undo", "forget", "erase", "signal"]) document.getElementById(id).disabled = off || isCapturing();
  document.getElementById("end-capture").disabled = !isCapturing();
  labelsForm.querySelector("button").disabled = off;
  document.getElementById("capture-keys").textContent = boards.isTraining()
    ? "A run goes on with the boards: captures and predictions wait for its end."
    : found.length ? "Keys 1 to 9 capture, with Shift for the boards’ own test; Esc stops, U forgets the last window." : "Connect boards first.";
  const watched = signalSeat();
  document.getElementById("signal").textContent = watched ? "Stop signal" : "Show signal";
  const names = found.map(([name]) => name).join(" ");
  const field = labelsForm.elements.names;
  if (found.length && field.value === filled && field !== document.activeElement) field.value = names;
  if (field.value === names) filled = names;
}

function button(name, { train, test }, number, off) {
  const hint = number < 9 ? element("kbd", { "aria-hidden": "true" }, String(number + 1)) : null;
  const counts = element("small", {}, `${train} + ${test} for test`);
  const top = element("span", {}, hint, name);
  const attributes = { type: "button", disabled: off || isCapturing(), "aria-busy": capturing === name ? "true" : false };
  return element("button", { ...attributes, on: { click: (event) => capture(name, event.shiftKey) } }, top, counts);
}

async function capture(label, forTest = false) {
  if (isCapturing() || !form.reportValidity()) return;
  capturing = label;
  ending = false;
  done.clear();
  loudness.forget();
  state.textContent = `${label}: now`;
  refresh();
  const test = forTest || form.elements.test.checked;
  const taken = await attempt(() => post("/api/capture", { boards: keys(), label, seconds: Number(form.elements.seconds.value), test }));
  const on = taken && `${taken.windows} windows on ${taken.boards} ${taken.boards === 1 ? "board" : "boards"}`;
  state.textContent = taken ? `${label}: ${on}${test ? ", for test" : ""}${ending ? ", stopped" : ""}` : "";
  capturing = "";
  refresh();
}

// Also one that another window of the browser began.
const isCapturing = () => Boolean(capturing) || boards.all().some((seat) => seat.doing === "capture");

function endCapture() {
  ending = true;
  attempt(() => post("/api/end-capture"));
}

export function progress(news) {
  const { key, label, done: count, total } = news;
  loudness.show(news);
  done.set(key, [count, total]);
  const sums = [...done.values()].reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
  if (capturing) state.textContent = `${label}: ${sums[0]} of ${sums[1]} windows`;
}

// ---- The signal

const signalSeat = () => boards.all().find((seat) => seat.doing === "signal");

export function signal({ key, joins, axes, seconds, wire, estimate }) {
  if (shown !== key || !joins) course = [];
  shown = key;
  const begin = course.length ? course[course.length - 1][0] : 0;
  const count = axes[0].length;
  for (let at = 0; at < count; at += 1) course.push([begin + (seconds * (at + 1)) / count, axes.map((axis) => axis[at])]);
  const end = course[course.length - 1][0];
  course = course.filter(([at]) => at > end - MOST_SECONDS);
  draw();
  const exact = wire === estimate ? "as estimated" : `estimate ${bytes(estimate)}`;
  document.getElementById("signal-bytes").textContent = `${bytes(wire)} for the signal, ${exact}`;
}

function draw() {
  const axes = course.length ? course[0][1].length : 0;
  const lines = Array.from({ length: axes }, (_, axis) => ({
    points: course.map(([at, values]) => [at, values[axis]]),
    color: COLORS[axis % COLORS.length],
  }));
  plot(document.getElementById("signal-plot"), lines, { y: (value) => value.toPrecision(2), x: (value) => `${value.toFixed(0)} s` });
}

function toggleSignal() {
  const watched = signalSeat();
  const seat = watched ?? chosen()[0];
  if (seat) attempt(() => post("/api/live", { boards: [seat.key], doing: watched ? "" : "signal" }));
}

// ---- Keys

function onKey(event) {
  if (event.key === "Escape" && isCapturing()) return endCapture();
  const typing = event.target.closest("input:not([type=range], [type=checkbox]), select, textarea");
  if (typing || event.ctrlKey || event.altKey || event.metaKey || event.repeat || boards.isTraining()) return;
  const digit = /^Digit([1-9])$/.exec(event.code);
  const name = digit && [...labels().keys()][Number(digit[1]) - 1];
  if (name) capture(name, event.shiftKey);
  else if (event.key === "u" || event.key === "U") undo();
  else return;
  event.preventDefault();
}

const undo = () => !isCapturing() && attempt(() => post("/api/undo", { boards: keys() }));

export function start() {
  boards.onChange(refresh);
  loudness.start();
  form.addEventListener("change", refresh);
  form.addEventListener("submit", (event) => event.preventDefault());
  labelsForm.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() => post("/api/labels", { names: labelsForm.elements.names.value.split(/\s+/).filter(Boolean) }));
  });
  document.getElementById("end-capture").addEventListener("click", endCapture);
  document.getElementById("undo").addEventListener("click", undo);
  document.getElementById("forget").addEventListener("click", () => {
    const label = document.getElementById("forget-label").value;
    if (confirm(`Let ${keys().length} board(s) forget all samples of ${label}?`)) attempt(() => post("/api/delete", { boards: keys(), label }));
  });
  document.getElementById("erase").addEventListener("click", () => {
    if (confirm(`Let ${keys().length} board(s) forget all their samples?`)) attempt(() => post("/api/erase", { boards: keys() }));
  });
  document.getElementById("signal").addEventListener("click", toggleSignal);
  document.addEventListener("keydown", onKey);
  draw();
  refresh();
}
