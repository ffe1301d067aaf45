// Talks with the server: asks, tells, and passes on its news.

async function answered(answer) {
  if (answer.ok) return answer.json();
  if (answer.status === 400) throw await answer.json();
  throw { code: "", message: await answer.text(), remedy: "" };
}

export const get = async (path) => answered(await fetch(path));

export const post = async (path, body = {}) =>
  answered(await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }));

// Has the browser keep what an address gives as a file of the name that the server says.
export async function download(path) {
  const answer = await fetch(path);
  if (!answer.ok) return answered(answer);
  const name = decodeURIComponent(/filename\*=UTF-8''([^;]+)/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "download");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000); // by then the browser has it
  return undefined;
}

const trouble = () => document.getElementById("trouble");

export function showTrouble(error) {
  const words = error.message ? [error.code && `[${error.code}]`, error.message, error.remedy] : [String(error)];
  trouble().textContent = words.filter(Boolean).join(" ");
  trouble().hidden = false;
}

export function clearTrouble() {
  trouble().hidden = true;
}

// Does what a button or key asks for; an error is shown, and takes nothing else with it.
export async function attempt(work) {
  try {
    clearTrouble();
    return await work();
  } catch (error) {
    showTrouble(error);
    return undefined;
  }
}

// Calls a handler for each kind of news; the first is "state", again after the connection was lost.
export function listen(handlers) {
  const source = new EventSource("/api/news");
  for (const [kind, handle] of Object.entries(handlers))
    source.addEventListener(kind, (event) => handle(JSON.parse(event.data)));
  source.onerror = () => showTrouble({ message: "The page’s server is not there: start `bytefed ui` again." });
  source.onopen = clearTrouble;
}
