// A part of a page that keeps itself current: <section id="x" data-refresh="URL" data-every="5">.
// Fetches the part again while the page is looked at, and swaps it when it says something new. A changed
// data-every in the answer sets the new pace; data-at-once fetches right after loading.
// Never touches a part in which somebody selects text; what is unfolded and what has the focus stays so.

const timers = new WeakMap();

function busy(part) {
  const selection = getSelection();
  return !selection.isCollapsed && part.contains(selection.anchorNode);
}

/** What a person has done to the part, by the names of things, so that it can be done to its successor. */
function touched(part) {
  const name = (element) => `${element.tagName} ${element.closest(".record, .record-right")?.querySelector(".record-title")?.textContent ?? ""} ${element.getAttribute("aria-label") ?? element.textContent}`;
  const all = (from, what) => [...from.querySelectorAll(what)];
  const open = new Set(all(part, "details[open]").map(name)), focused = part.contains(document.activeElement) ? name(document.activeElement) : null;
  return (fresh) => {
    for (const details of all(fresh, "details")) details.open ||= open.has(name(details));
    if (focused) all(fresh, "a, button, summary").find((element) => name(element) === focused)?.focus({ preventScroll: true, focusVisible: false });
  };
}

async function refresh(part) {
  if (!part.isConnected) return;
  if (document.hidden) return plan(part);
  try {
    const answer = await fetch(part.dataset.refresh, { headers: { "X-Requested-With": "refresh" }, redirect: "error" });
    if (answer.ok) part = swap(part, await answer.text());
  } catch { /* offline or signed out: try again at the same pace */ }
  plan(part);
}

function swap(part, html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
  if (!fresh || busy(part)) return part;
  const states = (from) => [...from.querySelectorAll(".record, .record-right")];
  const before = states(part).map((record) => record.querySelector(".status")?.dataset.state);
  const node = document.importNode(fresh, true);
  const again = touched(part);
  part.replaceWith(node);
  again(node);
  states(node).forEach((record, i) => {
    if (before.length && before[i] !== record.querySelector(".status")?.dataset.state) record.classList.add("arrived");
  });
  return node;
}

function plan(part, seconds = Number(part.dataset.every) || 10) {
  clearTimeout(timers.get(part));
  timers.set(part, setTimeout(() => refresh(part), seconds * 1000));
}

for (const part of document.querySelectorAll("[data-refresh]")) {
  if (part.hasAttribute("data-at-once")) refresh(part);
  else plan(part);
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) for (const part of document.querySelectorAll("[data-refresh]")) plan(part, 0.3);
});
