// Draws the specs of a page where they stand, in the colours that the reader prefers.

const dark = matchMedia("(prefers-color-scheme: dark)");
const drawn = new Map(); // each drawing, with what takes it away again
const waiting = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        waiting.unobserve(entry.target);
        draw(entry.target);
      }
    }
  },
  { rootMargin: "300px" },
);

// Draw what is not drawn yet, as soon as it comes into view.
export function drawCharts() {
  for (const [drawing, view] of drawn) {
    if (!drawing.isConnected) {
      view.finalize();
      drawn.delete(drawing);
    }
  }
  for (const drawing of document.querySelectorAll(".drawing")) {
    if (!drawn.has(drawing)) waiting.observe(drawing);
  }
}

export function redrawCharts() {
  for (const view of drawn.values()) view.finalize();
  drawn.clear();
  drawCharts();
}

async function draw(drawing) {
  drawn.set(drawing, { finalize() {} });
  try {
    await embed(drawing);
  } catch (error) {
    place(drawing).textContent = "The chart could not be drawn; its figures stand in the table.";
    throw error;
  }
}

function place(drawing) {
  let found = drawing.querySelector(".chart-place");
  if (!found) {
    found = document.createElement("div");
    found.className = "chart-place";
    drawing.append(found);
  }
  return found;
}

async function embed(drawing) {
  // Only now, so that all else works before it is here, and without it.
  const { vegaEmbed } = await import("./vega.js");
  const spec = JSON.parse(drawing.querySelector("script").textContent);
  const configs = JSON.parse(document.querySelector("#configs").textContent);
  delete spec.title; // the heading above says it
  spec.width = "container";
  // All alike, whatever their labels need; one that grows with its rows says itself how high.
  if (!drawing.classList.contains("own-height")) spec.height = drawing.clientHeight;
  spec.autosize = { type: "fit", contains: "padding" };
  const config = configs[dark.matches ? "dark" : "light"];
  config.font = getComputedStyle(document.body).fontFamily;
  config.background = null;
  const result = await vegaEmbed(place(drawing), spec, {
    config,
    ast: true, // without eval, which the policy of these pages forbids
    renderer: "svg",
    actions: false,
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true, theme: "plain" },
  });
  drawing.dataset.drawn = "";
  drawn.set(drawing, result);
}

dark.addEventListener("change", redrawCharts);
