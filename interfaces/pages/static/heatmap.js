// In the heatmap the arrows move from cell to cell; one of its cells alone is reached by Tab.

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

function cells(row) {
  return [...row.querySelectorAll("td a")];
}

export function moveInHeatmap() {
  document.addEventListener("keydown", (event) => {
    const link = event.target.closest?.("#heatmap td a");
    const step = STEPS[event.key];
    if (!link || !step) return;
    const row = link.closest("tr");
    const rows = [...row.parentElement.rows];
    const next = rows[rows.indexOf(row) + step[0]];
    const target = next && cells(next)[cells(row).indexOf(link) + step[1]];
    if (!target) return;
    event.preventDefault();
    link.tabIndex = -1;
    target.tabIndex = 0;
    target.focus();
  });
}
