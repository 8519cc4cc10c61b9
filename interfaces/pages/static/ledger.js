// The ledger: a list of events, which looks again by itself while its read models are behind.

import { keepList } from "./lists.js";
import { show } from "./refresh.js";

const AGAIN_MILLISECONDS = 5000;
let timer;

// That something is caught up with is no event, so no stream tells of it.
function lookAgain() {
  clearTimeout(timer);
  if (document.getElementById("head").dataset.settled === "true") return;
  timer = setTimeout(async () => {
    if (document.visibilityState === "visible") {
      await show(location.pathname + location.search, { quiet: true, shown: lookAgain });
    }
    lookAgain();
  }, AGAIN_MILLISECONDS);
}

keepList({ shown: lookAgain });
lookAgain();
