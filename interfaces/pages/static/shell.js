// What every page may use: fetching itself anew without losing its place, and following events.

const announced = document.getElementById("announced");
const asServed = new WeakMap(); // each part's child, with its text as the server has sent it

export function announce(text) {
  announced.textContent = text;
}

// The parts of a page are the elements with [data-part]; each has an id, and is shown anew by it.

function keep(part) {
  for (const child of part.children) asServed.set(child, child.outerHTML);
}

export function keepParts() {
  document.querySelectorAll("[data-part]").forEach(keep);
}

// Put what is new into the page: children that are the same stay, with all that was done to them.
export function showParts(fresh) {
  const focused = document.activeElement?.id;
  for (const part of document.querySelectorAll("[data-part]")) {
    const news = fresh.getElementById(part.id);
    if (!news) throw new Error(`the page has no part called ${part.id} any more`);
    part.className = news.className;
    if (news.children.length === 0 || !part.children.length) part.textContent = "";
    showChildren(part, news);
  }
  if (focused && document.activeElement?.id !== focused) {
    document.getElementById(focused)?.focus({ preventScroll: true });
  }
}

function showChildren(part, news) {
  if (news.children.length === 0) {
    part.textContent = news.textContent;
    return;
  }
  const known = new Map([...part.children].map((child) => [asServed.get(child), child]));
  const open = new Set([...part.querySelectorAll("details[open]")].map((each) => each.id));
  const children = [...news.childNodes].map((node) => {
    const same = known.get(node.outerHTML);
    if (same) return same;
    const made = document.importNode(node, true);
    if (made instanceof Element) {
      asServed.set(made, node.outerHTML);
      for (const each of made.querySelectorAll("details")) each.open = open.has(each.id);
      if (made instanceof HTMLDetailsElement) made.open = open.has(made.id);
    }
    return made;
  });
  if (children.length !== part.childNodes.length || children.some((each, i) => each !== part.childNodes[i])) {
    part.replaceChildren(...children);
  }
}

// Set the controls of a form as those of another stand, by their ids.
export function setControls(form, other) {
  for (const control of form.elements) {
    const news = control.id && other.querySelector(`#${CSS.escape(control.id)}`);
    if (!news) continue;
    if (control === document.activeElement && control.type === "text") continue; // being typed
    if (control.type === "checkbox" || control.type === "radio") control.checked = news.checked;
    else if (control instanceof HTMLSelectElement) {
      if (control.innerHTML !== news.innerHTML) control.innerHTML = news.innerHTML;
      control.value = news.value;
    } else if (control.value !== news.value) {
      control.type = news.type;
      control.value = news.value;
    }
  }
}

export class Refused extends Error {}

// Fetch a page; null where it is as it was. Throws Refused with what there is to say about it.
export async function fetchPage(address, { signal, tag, after } = {}) {
  const url = new URL(address, location.href);
  if (after) url.searchParams.set("after", after);
  const headers = tag ? { "If-None-Match": tag } : {};
  let answer;
  try {
    answer = await fetch(url, { signal, headers, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The server cannot be reached; what is shown may be out of date.");
  }
  if (answer.status === 304) return null;
  if (answer.redirected && new URL(answer.url).pathname === "/sign-in") {
    location.assign(answer.url);
    throw new Refused("A key is needed.");
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!answer.ok) {
    const said = page.getElementById("problem")?.textContent.replace(/\s+/g, " ").trim();
    throw new Refused(said || `The server answered with ${answer.status}.`);
  }
  const style = (from) => from.querySelector("link[rel=stylesheet]").getAttribute("href");
  if (style(page) !== style(document)) loadAnew(); // the server is another one by now
  return { page, tag: answer.headers.get("ETag") };
}

const SELDOM_MILLISECONDS = 30_000;

// Load the whole page anew, once: while servers of two versions answer in turns, it is said instead.
function loadAnew() {
  const last = Number(sessionStorage.getItem("loadedAnewAt"));
  if (Date.now() - last < SELDOM_MILLISECONDS) {
    throw new Refused("The server is of another version than this page; load the page anew.");
  }
  sessionStorage.setItem("loadedAnewAt", Date.now());
  location.reload();
  throw new Refused("The server is of a newer version; the page is being loaded anew.");
}

// Call `onNews` with the newest position soon after events of these topics, while somebody looks.
// Without a context or topics it is called after any event.
export function follow(context, topics, { onNews, onState }) {
  const wanted = topics && new Set(topics);
  const query = context ? `?context=${encodeURIComponent(context)}` : "";
  let source, timer, last;
  const tell = () => {
    timer = undefined;
    onNews(last);
  };
  const open = () => {
    source = new EventSource(`/v1/events/stream${query}`);
    source.onopen = () => {
      onState(true);
      onNews(); // what came between the page and its stream
    };
    source.onmessage = (message) => {
      const event = JSON.parse(message.data);
      if (wanted && !wanted.has(event.topic)) return;
      last = message.lastEventId;
      timer ??= setTimeout(tell, 200); // many come at once, and are looked at once
    };
    source.onerror = () => {
      onState(false);
      // The browser goes on by itself, unless it was told that it cannot.
      if (source.readyState === EventSource.CLOSED) timer ??= setTimeout(again, 2000, true);
    };
  };
  const again = (refused) => {
    timer = undefined;
    if (document.visibilityState !== "visible") return;
    if (refused === true) onNews(); // the page itself is told why
    open();
  };
  // A browser has six connections for one server: pages that nobody sees take none.
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    timer = undefined;
    source?.close();
    again();
  });
  again();
}
