// A page of rows: what its form says stands in the address, and its links turn pages in place.

import { keepCurrent, show } from "./refresh.js";
import { setControls } from "./shell.js";

const form = document.getElementById("controls");
const TYPED_MILLISECONDS = 250; // a name is looked for when its typing pauses
let timer;

document.documentElement.classList.add("js");

// `shown` is told of each new page; `usual` are the fields that are not said where they say this.
export function keepList({ shown, usual = {} } = {}) {
  const told = (page) => {
    const other = page.getElementById("controls");
    if (form && other) setControls(form, other);
    shown?.(page);
  };
  const choose = (address, how = { push: true }) => {
    clearTimeout(timer);
    if (address !== location.pathname + location.search) show(address, { ...how, shown: told });
  };
  // Pages of rows begin anew when something else is chosen: their numbers are in no control.
  const chosen = () => {
    const said = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      if (value && value !== usual[name]) said.set(name, value);
    }
    return location.pathname + (said.size ? `?${said}` : "");
  };
  form?.addEventListener("change", () => choose(chosen()));
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    choose(chosen());
  });
  form?.addEventListener("input", (event) => {
    if (event.target.type !== "text" || event.target.id === "as_of") return;
    clearTimeout(timer);
    timer = setTimeout(() => choose(chosen(), { replace: true }), TYPED_MILLISECONDS);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-here]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    choose(link.getAttribute("href"));
  });
  addEventListener("popstate", () => show(location.pathname + location.search, { shown: told }));
  keepCurrent({ shown: told });
}
