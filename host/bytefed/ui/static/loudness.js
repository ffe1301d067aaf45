// How loud it is for each board that hears, while it captures; and afterwards, where it was too loud.
import * as boards from "./boards.js";
import { element } from "./format.js";

const QUIETEST = -60; // decibels below the loudest sound that there can be, at the left end of a bar
const place = document.getElementById("loudness");
const heard = new Map(); // by board: the last that it told of its capture

export function show({ key, waits, loudness }) {
  const before = heard.get(key)?.clipped ?? 0;
  if (loudness) heard.set(key, { waits, tooLoud: loudness.clipped > before, ...loudness });
  else heard.delete(key); // a board that keeps it to itself, or does not hear
  draw();
}

export function forget() {
  heard.clear();
  draw();
}

function draw() {
  const told = boards.all().filter((seat) => heard.has(seat.key));
  place.replaceChildren(...told.map((seat) => (seat.doing === "capture" ? bar(seat) : remark(seat))).filter(Boolean));
}

function bar(seat) {
  const { decibels, tooLoud, waits } = heard.get(seat.key);
  const level = decibels === null ? "no sound" : `${decibels.toFixed(0)} dB`;
  const said = [level, tooLoud && "too loud", waits && "waits for a word to begin"].filter(Boolean).join("; ");
  const value = decibels === null ? QUIETEST : Math.max(QUIETEST, decibels);
  return element(
    "div", { "data-loudness": seat.uri },
    element("p", { class: tooLoud || decibels === null ? "fine bad" : "fine" }, `${seat.uri}: ${said}`),
    element("meter", { min: QUIETEST, max: 0, high: -1, value, "aria-label": `loudness at ${seat.uri}` }),
  );
}

function remark(seat) {
  const { clipped } = heard.get(seat.key);
  if (!clipped) return null;
  const cut = `${seat.uri}: ${clipped.toLocaleString("en")} values of the sound were cut off`;
  return element("p", { class: "fine bad" }, `${cut}: speak more softly, or from farther away.`);
}

export const start = () => boards.onChange(draw);
