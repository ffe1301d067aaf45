// The runs that there are, the newest first, with their reports.
import { attempt, download, get } from "./server.js";
import { bytes, element, percent } from "./format.js";

const FORMATS = [["npz", ".npz"], ["tflite", ".tflite"], ["c", "C++"]];

export async function refresh() {
  const { folder, runs } = await get("/api/runs");
  document.querySelector("#run-table tbody").replaceChildren(...runs.map(row));
  document.getElementById("runs-note").textContent = runs.length
    ? `In the folder ${folder}; those of \`bytefed run\` elsewhere in it are here, too.`
    : `There is no run in the folder ${folder} yet.`;
}

function row(run) {
  const name = element("td", {}, run.name);
  if (run.error) return element("tr", {}, name, element("td", { colspan: 9 }, run.error));
  const address = `/runs/${encodeURIComponent(run.name)}/${run.complete ? "report" : "live/"}`;
  const cells = [
    run.task, run.boards, run.codec, run.complete ? run.rounds : `${run.rounds} so far`,
    percent(run.accuracy ?? run.accuracy_boards), bytes(run.wire), run.wire === run.estimate ? "exact" : bytes(run.estimate),
  ];
  const link = element("a", { href: address, target: "_blank", rel: "noopener", "aria-label": `report of ${run.name}` }, run.complete ? "report" : "live");
  const kept = FORMATS.map(([form, words]) => button(run, form, words));
  return element("tr", {}, name, ...cells.map((text) => element("td", {}, String(text))), element("td", {}, link), element("td", {}, ...kept));
}

function button(run, form, words) {
  const click = async (event) => {
    event.target.disabled = true; // a classifier takes a few seconds, as it is tried against the boards' answers
    await attempt(() => download(`/runs/${encodeURIComponent(run.name)}/export/${form}`));
    event.target.disabled = false;
  };
  return element("button", { class: "small", "aria-label": `export ${run.name} as ${words}`, on: { click } }, words);
}
