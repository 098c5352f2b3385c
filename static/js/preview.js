// Attached files over the page (webmail spec 6.10): pictures, pages of a PDF, text, messages. What is shown comes from
// the file's own page, drawn by the server; here it is only put into a dialog. The arrow keys go through the files that
// lie together, Esc closes, and the focus goes back to where it was. Loaded on the first click on a file.

import { getHtml, parse } from "./client.js";

const dialog = document.getElementById("preview");
const body = dialog.querySelector("[data-body]");
const pages = new Map();  // address → markup, of the files just before and after
let opener = null, shown = null;

const siblings = () => [...(shown?.closest(".files, .row-chips")?.querySelectorAll("[data-preview]") ?? [])].filter((link) => link.isConnected);

function load(url) {
  if (!pages.has(url)) {
    const html = getHtml(url, { how: "part" });
    html.catch(() => pages.delete(url));
    pages.set(url, html);
    if (pages.size > 12) pages.delete(pages.keys().next().value);
  }
  return pages.get(url);
}

async function show(link) {
  shown = link;
  const all = siblings(), at = all.indexOf(link);
  dialog.querySelector("#preview-name").textContent = link.textContent.trim();
  dialog.querySelector("[data-place]").textContent = all.length > 1 ? `${at + 1} / ${all.length}` : "";
  dialog.querySelector("[data-save]").href = link.dataset.download;
  for (const [step, button] of [[-1, dialog.querySelector('[data-step="-1"]')], [1, dialog.querySelector('[data-step="1"]')]]) button.disabled = !all[at + step];
  body.replaceChildren();
  body.setAttribute("aria-busy", "true");
  try {
    const page = parse(await load(link.href));
    if (shown !== link) return;
    const stage = page.querySelector("[data-stage], [data-enclosed]");
    const conversation = dialog.querySelector("[data-to-conversation]");
    conversation.hidden = !stage?.dataset.conversation || shown.closest("[data-messages]") !== null;
    if (stage?.dataset.conversation) conversation.href = stage.dataset.conversation;
    body.replaceChildren(...(stage ? [stage] : []));
    body.scrollTop = 0;
    for (const next of [all[at + 1], all[at - 1]]) if (next) load(next.href).catch(() => {});
  } catch (problem) {
    if (shown === link) body.replaceChildren(Object.assign(document.createElement("p"), { className: "preview-none", textContent: problem.message }));
  } finally {
    if (shown === link) body.removeAttribute("aria-busy");
  }
}

function step(by) {
  const all = siblings(), next = all[all.indexOf(shown) + by];
  if (next) show(next);
}

/** Opens the file of a link. */
export function open(link) {
  opener = link;
  if (!dialog.open) dialog.showModal();
  body.focus({ preventScroll: true });
  show(link);
}

dialog.addEventListener("click", (event) => {
  const by = event.target.closest("[data-step]")?.dataset.step;
  if (by) step(Number(by));
  else if (event.target === dialog || event.target === body || event.target.closest("[data-to-conversation]")) dialog.close();
});

dialog.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("pre, input")) return;
  const ahead = getComputedStyle(dialog).direction === "rtl" ? -1 : 1;
  const by = { ArrowRight: ahead, ArrowLeft: -ahead }[event.key];
  if (!by) return;
  event.preventDefault();
  step(by);
});

dialog.addEventListener("close", () => {
  body.replaceChildren();
  pages.clear();
  const back = shown?.isConnected ? shown : opener;
  shown = null;
  back?.focus({ preventScroll: true });
});
