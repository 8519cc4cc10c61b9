// Keeps a page current: shows another address of it, and looks again when something has happened.

import { announce, fetchPage, follow, keepParts, Refused, showParts } from "./shell.js";

const fault = document.getElementById("fault");
const live = document.getElementById("live");
const topics = document.getElementById("topics");

let tag = topics.dataset.tag;
let fetching;

keepParts();

// Show an address; with `push` it becomes an entry of the history, with `replace` it stands for the
// one that is shown. `shown` is told of the new page.
export async function show(address, { push = false, replace = false, after, quiet = false, busy, shown } = {}) {
  fetching?.abort();
  const mine = (fetching = new AbortController());
  if (push) history.pushState(null, "", address);
  if (replace) history.replaceState(null, "", address);
  if (!quiet) busy?.classList.add("busy");
  try {
    const found = await fetchPage(address, { signal: mine.signal, tag: quiet ? tag : undefined, after });
    fault.hidden = true;
    if (!found) return;
    tag = found.tag;
    showParts(found.page);
    shown?.(found.page);
    announce(quiet ? "The figures have changed." : "The figures are shown.");
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Refused)) throw error;
    fault.textContent = error.message;
    fault.hidden = false;
  } finally {
    if (fetching === mine) busy?.classList.remove("busy");
  }
}

// Look again after each event that can change what is shown. What looks back does not change.
export function keepCurrent({ shown, looksBack = () => new URL(location).searchParams.has("as_of") } = {}) {
  follow(topics.dataset.context, JSON.parse(topics.textContent), {
    onNews: (after) => {
      if (!looksBack()) show(location.pathname + location.search, { after, quiet: true, shown });
    },
    onState: (open) => {
      live.hidden = false;
      live.classList.toggle("still", !open);
      live.textContent = open ? "Live" : "Not live; connecting again";
    },
  });
}
