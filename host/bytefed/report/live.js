// Asks the run for news about once a second and puts them in place; what was open stays open.
(() => {
  const report = document.getElementById("report");
  let version = "";
  let failures = 0;
  const ended = () => {
    const note = document.createElement("p");
    note.className = "notes";
    note.textContent = "The run no longer serves this page. `bytefed report` makes one from its directory.";
    report.prepend(note);
  };
  const show = (html) => {
    const open = [...report.querySelectorAll("details[open]")].map((element) => element.id);
    report.innerHTML = html;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  };
  const ask = async () => {
    try {
      const answer = await fetch("fragment?version=" + encodeURIComponent(version));
      failures = 0;
      if (answer.status === 200) {
        show(await answer.text());
        version = answer.headers.get("ETag") ?? "";
      }
    } catch {
      failures += 1;
    }
    if (failures < 3) setTimeout(ask, 1000);
    else ended();
  };
  setTimeout(ask, 1000);
})();
