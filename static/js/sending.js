// A message on its way: the toast of whoever has just sent it says how it goes on, and the buttons beside a recipient
// do what they say. The block itself is drawn by the server (templates/webmail/sending.html) and swapped by
// conversation.js. Loaded when something was sent, or when one of those buttons is pressed.

import { getJson, post, reading, say, up, view } from "./client.js";
import { toast } from "./toast.js";

const PATIENCE = 15 * 60_000;  // then the report in the inbox is the way to hear of it
const SOONEST = 250, LATEST = 30_000;
const LONGER = 60_000;  // that something did not arrive stands longer than what went well

/** Follows what was sent, wherever its writer is by then: `shown` is the toast that says so, as long as it stands. */
export async function follow({ message, url }, shown) {
  if (!message) return;
  const until = Date.now() + PATIENCE;
  let before = "", wait = SOONEST;
  while (Date.now() < until) {
    await rungOr(wait);
    let now;
    try { now = await getJson(`/mail/live/sending/${message}/`); } catch (problem) { if (problem.gone) return; wait = LATEST; continue; }
    if (now.state !== before) tell(now, url, shown);
    before = now.state;
    if (!now.waiting) return;
    wait = Math.min(LATEST, Math.max(SOONEST, now.again * 1000));
  }
}

function tell({ state, news }, url, shown) {
  if (!news) return;
  if (state === "failed") {
    if (location.pathname !== url) toast(news, { actions: url ? [{ text: say("view"), url }] : [], stay: LONGER, name: "undelivered" });
  } else shown?.say(news);
}

/** Until this mailbox changes, or that many ms have passed. */
function rungOr(wait) {
  return new Promise((resolve) => {
    const done = () => { clearTimeout(timer); document.removeEventListener("mail:rang", done); resolve(); };
    const timer = setTimeout(done, wait);
    document.addEventListener("mail:rang", done);
  });
}

/** A button beside a recipient, or of a message that waits for its hour. The page hears of the change as of any other;
    a message that goes at another hour, or not at all, is not where it was. */
export async function act(form, button) {
  const fields = { message: form.elements.message.value, do: button.value, ...(button.value === "pick" ? { local: form.elements.local.value } : {}) };
  button.setAttribute("aria-busy", "true");
  try {
    const said = await post(form.getAttribute("action"), fields, { wait: false });
    button.closest("[popover]")?.hidePopover();
    if (said.gone && reading().view === "conversation" && view().view === "conversation") up();
    if (said.draft) document.dispatchEvent(new CustomEvent("compose:open", { detail: { mode: "draft", draft: said.draft } }));
    else {
      const shown = toast(said.text, { actions: said.url ? [{ text: say("view"), url: said.url }] : [], name: "sending-done" });
      if (said.message) follow(said, shown);
    }
    document.dispatchEvent(new CustomEvent("mail:stale"));
  } catch (problem) {
    toast(problem);
  } finally { button.removeAttribute("aria-busy"); }
}
