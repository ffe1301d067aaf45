// The page: starts its parts, and hands each its news.
import * as boards from "./boards.js";
import * as capture from "./capture.js";
import * as estimate from "./estimate.js";
import * as live from "./live.js";
import * as runs from "./runs.js";
import * as training from "./training.js";
import { attempt, get, listen, showTrouble } from "./server.js";

async function start() {
  const choices = await get("/api/choices");
  boards.start(choices.models);
  capture.start();
  live.start();
  estimate.start(choices.codecs, choices.data);
  training.start();
  listen({
    state: (state) => {
      boards.showAll(state.boards);
      training.showAll(state.run, state.running);
      runs.refresh().catch(showTrouble);
    },
    boards: (news) => boards.showAll(news.boards),
    board: boards.show,
    capture: capture.progress,
    signal: capture.signal,
    prediction: live.predict,
    run: training.show,
    trouble: showTrouble,
  });
}

attempt(start);
