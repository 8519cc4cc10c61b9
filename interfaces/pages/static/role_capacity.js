// The report page: what is chosen stands in the address, and the server says what it comes to.

import { drawCharts, redrawCharts } from "./charts.js";
import { announce, fetchPage, follow, keepParts, Refused, setControls, showParts } from "./shell.js";

const form = document.getElementById("controls");
const fault = document.getElementById("fault");
const live = document.getElementById("live");
const charts = document.getElementById("charts");
const topics = JSON.parse(document.getElementById("topics").textContent);
let tag = document.getElementById("topics").dataset.tag;
let fetching;

document.documentElement.classList.add("js");
keepParts();
drawCharts();

// Show an address; with `push` it becomes an entry of the history.
async function show(address, { push = false, after, quiet = false } = {}) {
  fetching?.abort();
  const mine = (fetching = new AbortController());
  if (push) history.pushState(null, "", address);
  if (!quiet) charts.classList.add("busy");
  try {
    const found = await fetchPage(address, { signal: mine.signal, tag: quiet ? tag : undefined, after });
    fault.hidden = true;
    if (!found) return;
    tag = found.tag;
    setControls(form, found.page.getElementById("controls"));
    const configs = document.getElementById("configs").textContent;
    showParts(found.page);
    if (configs !== document.getElementById("configs").textContent) redrawCharts();
    else drawCharts();
    announce(quiet ? "The figures have changed." : "The figures are shown.");
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Refused)) throw error;
    fault.textContent = error.message;
    fault.hidden = false;
  } finally {
    if (fetching === mine) charts.classList.remove("busy");
  }
}

// The address of what the form says: defaults are not said, and roles only if not all are chosen.
function chosen() {
  const said = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (name !== "role_ids" && value) said.set(name, value);
  }
  if (said.get("weeks") === "12") said.delete("weeks");
  if (said.get("unit") === "hours") said.delete("unit");
  if (said.get("layout") === "each") said.delete("layout");
  const boxes = [...form.querySelectorAll("#roles input")];
  const ticked = boxes.filter((box) => box.checked).map((box) => box.value);
  if (ticked.length < boxes.length) said.set("role_ids", ticked.join(",") || "none");
  const query = said.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return location.pathname + (query && `?${query}`);
}

form.addEventListener("change", () => show(chosen(), { push: true }));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  show(chosen(), { push: true });
});
form.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(link.getAttribute("href"), { push: true });
});
addEventListener("popstate", () => show(location.pathname + location.search));

follow("assignments", topics, {
  onNews: (position) => {
    if (!form.elements.as_of.value) show(location.pathname + location.search, { after: position, quiet: true });
  },
  onState: (open) => {
    live.hidden = false;
    live.classList.toggle("still", !open);
    live.textContent = open ? "Live" : "Not live; connecting again";
  },
});
