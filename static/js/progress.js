// What a person sees while the server takes its time (webmail spec S14, S15): the toolbar's thin line comes from CSS after
// 300 ms; here, grey rows over a view that was never shown before, and after ten seconds a word that it still goes on.
// The old view stays below, and is there again when loading fails. Knows nothing of what is loaded: client.js says
// `mail:asked` with a promise.

const SLOW = 300, VERY_SLOW = 10_000;
const asked = new Set();
let cover = null, note = null;

function clear() {
  cover?.remove();
  note?.remove();
  cover = note = null;
}

function showRows(url) {
  const grey = document.getElementById("grey"), body = document.querySelector("#main .sheet-body");
  if (!grey || !body || cover) return;
  cover = document.createElement("div");
  cover.className = /\/\d+\/$/.test(new URL(url, location.href).pathname) ? "grey-cover conversation" : "grey-cover";
  cover.append(grey.content.cloneNode(true));
  Object.assign(cover.style, { top: `${body.offsetTop}px`, left: `${body.offsetLeft}px`, width: `${body.offsetWidth}px`, height: `${body.clientHeight}px` });
  body.before(cover);
}

function say() {
  if (note) return;
  note = document.createElement("div");
  note.className = "still-working";
  note.setAttribute("role", "status");
  note.textContent = document.getElementById("grey")?.dataset.words ?? "";
  document.body.append(note);
}

document.addEventListener("mail:asked", ({ detail: { url, coming, seen } }) => {
  const mine = {};
  asked.add(mine);
  const timers = [seen ? 0 : setTimeout(() => showRows(url), SLOW), setTimeout(say, VERY_SLOW)];
  const done = () => {
    timers.forEach(clearTimeout);
    asked.delete(mine);
    if (!asked.size) clear();
  };
  coming.then(done, done);
});
