// A page behind a figure: it stays current, and marks the week from which one came.

import { keepCurrent } from "./refresh.js";

function markWeek() {
  const week = location.hash.slice(1);
  for (const each of document.querySelectorAll("[data-week]")) {
    each.classList.toggle("here", each.dataset.week === week);
  }
  document.querySelector("th.here")?.scrollIntoView({ block: "nearest", inline: "center" });
}

markWeek();
addEventListener("hashchange", markWeek);
keepCurrent({ shown: markWeek });
