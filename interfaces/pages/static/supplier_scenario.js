// A scenario's suppliers: a list, and the chart of those that it shows.

import { drawCharts, redrawCharts } from "./charts.js";
import { keepList } from "./lists.js";

let configs = document.getElementById("configs").textContent;

drawCharts();
keepList({
  usual: { sort: "percent", order: "desc" },
  shown() {
    const news = document.getElementById("configs").textContent;
    if (news === configs) drawCharts();
    else redrawCharts();
    configs = news;
  },
});
