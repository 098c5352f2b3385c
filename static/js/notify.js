// Desktop notifications for new mail while a tab is open (webmail spec 2.8). Of several tabs one shows them: the one
// that has the lock. A browser is asked for its permission only when its button in the settings is pressed.

import { getJson, go, say, words } from "./client.js";

const { notices, mailspace } = document.body.dataset;
const can = "Notification" in window;
let since = 0, at = 0, mine = false;

/* --- the settings' button ------------------------------------------------------------------- */
export async function click() {
  if (can) await Notification.requestPermission();
  showPermission();
}

/** Says under the choice what this browser allows. */
export function showPermission() {
  const button = document.querySelector("[data-ask-notices]"), state = document.querySelector("[data-notices-state]");
  if (!button || !state) return;
  const now = can ? Notification.permission : "denied";
  button.hidden = now !== "default";
  state.textContent = { granted: words.notices_on, denied: words.notices_denied }[now] ?? "";
}

/* --- showing them ----------------------------------------------------------------------------- */
function show({ id, title, text, url }) {
  const notice = new Notification(title, { body: text, tag: `mail-${id}`, icon: document.querySelector('link[rel="icon"]')?.href });
  notice.addEventListener("click", () => {
    notice.close();
    window.focus();
    go(url);
  });
}

async function look() {
  if (!mine || !can || Notification.permission !== "granted") return;
  try {
    const news = await getJson(`/mail/live/notices/?since=${since}&at=${at}`);
    ({ clock: since, at } = news);
    if (document.hasFocus()) return;  // whoever looks at the list sees it arrive
    for (const each of news.notices) show(each);
  } catch { /* the next ring tells it again */ }
}

/** From now on: every ring is looked into by the one tab that has the lock. */
export function watch() {
  if (!can || notices === "off") return;
  const hold = () => { mine = true; look(); return new Promise((release) => { addEventListener("pagehide", release, { once: true }); }); };
  if (navigator.locks) navigator.locks.request(`mailstead-notices-${mailspace}`, hold);
  else hold();
  document.addEventListener("mail:rang", look);
}
