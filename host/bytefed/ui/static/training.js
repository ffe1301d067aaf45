// A run: started with the settings of the page, its rounds as they come, bytes against the estimate.
import * as boards from "./boards.js";
import { settings } from "./estimate.js";
import * as runs from "./runs.js";
import { attempt, post, showTrouble } from "./server.js";
import { bytes, percent } from "./format.js";
import { plot } from "./plot.js";

const KEYS = ["rounds", "codec", "fraction_train", "statistics_rounds", "local_epochs", "personal", "data", "overwrite"];
const state = document.getElementById("run-state");
let running = false;
let accuracies = []; // [round, accuracy of its head on the boards]
let sums = []; // [round, bytes counted, bytes estimated], both from the first round on

function refresh() {
  document.getElementById("train").disabled = running || !boards.all().length || boards.isTraining();
  document.getElementById("stop").disabled = !running;
}

function begin() {
  running = true;
  accuracies = [];
  sums = [];
  document.getElementById("progress").hidden = false;
  state.textContent = "beginning …";
  draw();
  refresh();
}

const handlers = {
  Preparing: ({ phase }) => (state.textContent = `${phase} …`),
  RunStarted: (news) => (state.textContent = `run ${news.name}: ${news.boards} boards, ${news.rounds} rounds`),
  RoundClosed: (news) => {
    const [, wire, estimate] = sums[sums.length - 1] ?? [0, 0, 0];
    sums.push([news.round, wire + news.wire_total, estimate + news.estimate_wire]);
    const accuracy = news.accuracy_boards; // of the head that the round began with
    if (accuracy !== null && accuracy !== undefined) accuracies.push([news.round - 1, accuracy]);
    const latest = accuracies.length ? `, accuracy ${percent(accuracies[accuracies.length - 1][1])}` : "";
    state.textContent = `round ${news.round}: ${news.participants} of ${news.asked} boards${latest}, ${total()}`;
    draw();
  },
  BoardTrouble: showTrouble,
  BoardAway: showTrouble,
  RunEnded: ({ summary }) => {
    const accuracy = summary.accuracy_boards_final ?? summary.accuracy_final;
    const personal = summary.accuracy_personal_final;
    if (accuracy !== null && accuracy !== undefined) accuracies.push([summary.rounds, accuracy]);
    const own = personal === null || personal === undefined ? "" : `, personal heads ${percent(personal)}`;
    const known = accuracy !== null && accuracy !== undefined;
    const good = known ? `accuracy ${percent(accuracy)} on the boards${own}` : "no board has samples for its test (Shift captures some)";
    state.textContent = `done: ${good}, ${total()}`;
    draw();
  },
  failed: (error) => {
    state.textContent = "the run failed";
    showTrouble(error);
  },
  stopped: () => (state.textContent = `stopped; its rounds so far are kept: ${total()}`),
  over: () => {
    running = false;
    refresh();
    runs.refresh().catch(showTrouble);
  },
};

function total() {
  const [, wire, estimate] = sums[sums.length - 1] ?? [0, 0, 0];
  return `${bytes(wire)} in rounds, ${wire === estimate ? "as estimated" : `estimate ${bytes(estimate)}`}`;
}

function draw() {
  const round = (value) => `round ${value}`;
  plot(document.getElementById("accuracy-plot"), [{ points: accuracies, color: "--s2" }], {
    low: 0, high: 1, y: (value) => `${Math.round(100 * value)} %`, x: round, dots: true,
  });
  plot(
    document.getElementById("bytes-plot"),
    [
      { points: sums.map(([at, , estimate]) => [at, estimate]), color: "--s1", wide: true },
      { points: sums.map(([at, wire]) => [at, wire]), color: "--s0" },
    ],
    { low: 0, y: (value) => (value >= 10000 ? `${Math.round(value / 1000).toLocaleString("en")} kB` : String(value)), x: round },
  );
}

export function show(news) {
  if (!running && news.what !== "over") begin();
  handlers[news.what]?.(news);
}

// All that happened before this page was opened.
export function showAll(told, goesOn) {
  running = false;
  for (const news of told) show(news);
  running = goesOn;
  refresh();
}

export function start() {
  boards.onChange(refresh);
  document.getElementById("train").addEventListener("click", async () => {
    const all = settings();
    await attempt(() => post("/api/train", Object.fromEntries(KEYS.map((key) => [key, all[key]]))));
  });
  document.getElementById("stop").addEventListener("click", () => attempt(() => post("/api/stop")));
}
