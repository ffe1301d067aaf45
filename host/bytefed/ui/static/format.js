// Numbers as people read them, and elements that hold text alone.

export const bytes = (count) => (count === null || count === undefined ? "–" : `${Math.round(count).toLocaleString("en")} B`);
export const percent = (share) => (share === null || share === undefined ? "–" : `${(100 * share).toFixed(1)} %`);

// Makes an element; children are elements or text, which stays text whatever is in it.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else if (key === "c") made.style.setProperty("--c", value);
    else if (value !== false && value !== undefined) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function tile(name, value, rest = "", kind = "") {
  return element("div", {}, element("dt", {}, name), element("dd", { class: `big ${kind}`.trim() }, value), element("dd", {}, rest));
}
