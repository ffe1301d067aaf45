// The settings of a run, and the bytes that they take: asked of the exact estimator whenever a slider moves.
import * as boards from "./boards.js";
import { get } from "./server.js";
import { bytes, element, tile } from "./format.js";

const SETTINGS = ["rounds", "fraction_train", "statistics_rounds", "codec"];
const BOARDS = ["clients", "features", "classes", "link", "mtu", "sealed"];
const form = document.getElementById("settings-form");
const down = document.getElementById("codec-down");
const up = document.getElementById("codec-up");
let shapes = {}; // of the data sets by name: features and classes
let asking = false;
let again = false;

export function settings() {
  const found = { codec: down.value === up.value ? up.value : `${down.value}/${up.value}` };
  for (const input of form.querySelectorAll("[name]"))
    found[input.name] = input.type === "checkbox" ? input.checked : input.type === "text" || input.tagName === "SELECT" ? input.value : Number(input.value);
  return found;
}

// The question to the estimator: about the boards that are connected, or else those that the page reckons with.
function asked(given) {
  const found = SETTINGS.map((name) => [name, given[name]]);
  const seats = known();
  if (!seats.length) return [...found, ...BOARDS.map((name) => [name, given[name]])];
  const [features, classes] = shapes[given.data] ?? seats[0].facts.head.split(/\D+/);
  const most = shapes[given.data] ? classes : Math.max(Number(classes), new Set(seats.flatMap((seat) => seat.labels.map(({ name }) => name))).size);
  return [...found, ["of", "boards"], ["clients", seats.length], ["features", features], ["classes", most]];
}

const known = () => boards.all().filter((seat) => seat.facts.head);

function shownValue(input) {
  if (input.dataset.zero && input.value === "0") return input.dataset.zero;
  return input.dataset.unit === "percent" ? `${Math.round(100 * input.value)} %` : input.value;
}

function showValues() {
  for (const output of form.querySelectorAll("output")) {
    const input = output.parentElement.querySelector("input");
    output.textContent = shownValue(input);
    input.setAttribute("aria-valuetext", output.textContent);
  }
  document.getElementById("without-boards").disabled = known().length > 0;
  document.getElementById("overwrite-label").hidden = form.elements.data.value === "boards";
  form.querySelector("[name=mtu]").disabled = form.querySelector("[name=link]").value !== "ble";
}

// Asks once at a time; what changed meanwhile is asked for afterwards.
export async function refresh() {
  showValues();
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    do {
      again = false;
      const given = settings();
      show(await get("/api/estimate?" + new URLSearchParams(asked(given))), given);
    } while (again);
  } catch (error) {
    document.getElementById("estimate-note").textContent = [error.message ?? String(error), error.remedy].filter(Boolean).join(" ");
    document.getElementById("estimate").replaceChildren();
  } finally {
    asking = false;
  }
}

function show(found, given) {
  const share = `${found.participants} of ${known().length || given.clients} boards a round`;
  document.getElementById("estimate").replaceChildren(
    tile("all rounds", bytes(found.rounds.total), `${bytes(found.rounds.down)} down, ${bytes(found.rounds.up)} up`),
    tile("a board’s round", bytes(found.board_round.total), share),
    tile("the whole run", bytes(found.total.total), "with connecting and the last evaluation"),
    tile("W × C × R", bytes(found.wcr), "the classic estimate: uplink payload alone"),
  );
  const entries = Object.entries(found.causes);
  const total = entries.reduce((sum, [, count]) => sum + count, 0);
  const parts = entries.map(([name, count]) => {
    const part = element("i", { c: `var(--${name})`, title: `${words(name)}: ${bytes(count)}` });
    part.style.width = `${(100 * count) / total}%`;
    return part;
  });
  document.getElementById("estimate-share").replaceChildren(...parts);
  document.getElementById("estimate-legend").replaceChildren(
    ...entries.map(([name, count]) => element("li", {}, element("i", { c: `var(--${name})` }), `${words(name)} ${bytes(count)}`)),
  );
  document.getElementById("estimate-note").textContent =
    "To the byte, on a link that loses nothing. " +
    (known().length && given.data === "boards" ? "Asking boards for their labels is not in it." : "Giving boards their samples is not in it.");
}

const words = (name) => name.replaceAll("_", " ");

export function start(codecs, data) {
  shapes = data;
  form.elements.data.append(...Object.keys(data).map((name) => element("option", { value: name }, name)));
  for (const select of [down, up]) select.append(...codecs.map((name) => element("option", { value: name }, name)));
  boards.onChange(refresh);
  form.addEventListener("input", refresh);
  form.addEventListener("submit", (event) => event.preventDefault());
  refresh();
}
