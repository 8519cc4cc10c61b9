// The report page: what is chosen stands in the address, and the server says what it comes to.

import { drawCharts, redrawCharts } from "./charts.js";
import { moveInHeatmap } from "./heatmap.js";
import { keepCurrent, show } from "./refresh.js";
import { setControls } from "./shell.js";

const form = document.getElementById("controls");
const charts = document.getElementById("charts");
let configs = document.getElementById("configs").textContent;

document.documentElement.classList.add("js");
drawCharts();

function shown(page) {
  setControls(form, page.getElementById("controls"));
  const news = document.getElementById("configs").textContent;
  if (news === configs) drawCharts();
  else redrawCharts();
  configs = news;
}

function choose(address) {
  show(address, { push: true, busy: charts, shown });
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

form.addEventListener("change", () => choose(chosen()));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  choose(chosen());
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-here]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  choose(link.getAttribute("href"));
});
addEventListener("popstate", () =>
  show(location.pathname + location.search, { busy: charts, shown }),
);

moveInHeatmap();
keepCurrent({ shown });
