// What is being done in the background for a page: how far it is, and the page anew when it has ended.

import { getJson } from "./client.js";

/** Watches every line with `data-chore`; `free()` says whether the page may be loaded anew just then. */
export function watchChores(free = () => true) {
  for (const line of document.querySelectorAll("[data-chore]")) watch(line, free);
}

async function watch(line, free) {
  const bar = line.querySelector("progress");
  for (;;) {
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
    if (!line.isConnected) return;
    try {
      const { done, total, ended } = await getJson(line.dataset.chore);
      if (ended) { if (free()) location.reload(); return; }
      Object.assign(bar, { max: total || 1, value: done });
    } catch { /* a line that was cut: the next look tells it */ }
  }
}
