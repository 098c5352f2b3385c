// Sending from a window: what is in the way is said first, once; then the window closes at once and comes back only
// when something went wrong.

import { call, Offline, Refused, say, words } from "./compose-net.js";

/** Says what is in the way of sending; true if nothing is. `again` goes on in spite of a doubt. */
function mayGo(own, again) {
  for (const field of Object.values(own.fields)) field.commit();
  const wrong = Object.values(own.fields).flatMap((field) => field.wrong);
  const refuse = (text) => { own.notice("danger", "send", text); return false; };
  if (!own.everyone.length) { own.fields.to.input.focus(); return refuse(say("nobody")); }
  if (wrong.length) { own.find('.person[aria-invalid="true"]')?.scrollIntoView({ block: "nearest" }); return refuse(say("wrong", wrong.join(", "))); }
  if (own.files.failed) return refuse(say("uploadFailed"));
  if (own.anyway) return true;
  const anyway = { text: say("sendAnyway"), run: () => { own.anyway = true; again(); }, test: "send-anyway" };
  const doubt = (text, ...actions) => { own.notice("warn", "send", text, [...actions, anyway]); return false; };
  const text = `${own.subject.value}\n${own.body.text}`;
  if (!own.subject.value.trim() && !own.body.text.trim()) return doubt(say("blank"));
  const speaksOfFiles = new RegExp(`(^|[^\\p{L}])(${words.attachmentWords.join("|")})([^\\p{L}]|$)`, "iu").test(text);
  if (speaksOfFiles && !own.files.any) return doubt(say("forgotten"), { text: say("add"), run: () => own.find('[name="files"]').click() });
  return true;
}

/** `wish`: {at} or {local} for later, {archive} to put the conversation away at once. */
export async function send(own, wish = {}) {
  const again = () => send(own, wish);
  if (own.sending || !mayGo(own, again)) return;
  own.sending = true;
  own.notice(null, "send");
  if (own.files.running.size) { own.state(say("waiting")); await own.files.settled(); if (!mayGo(own, again)) { own.sending = false; return; } }
  own.hide();
  const progress = own.dock.sendingStarts();
  try {
    await own.save();
    own.asked = true;
    const sent = await call(`${own.draft}/send/`, { body: wish });
    own.forgetCopy();
    own.dirty = own.unsettled = false;
    own.dock.sent(own, sent, { undone: progress.close() });
  } catch (error) {
    progress.close();
    // The answer of the last attempt was lost, but not the request: the draft is a sent message now.
    if (own.uncertain && error.status === 410) return own.dock.wasSent(own);
    own.uncertain = own.asked && error instanceof Offline;
    own.show();
    if (error instanceof Refused) {
      own.state("");
      own.notice("danger", "send", error.message);
      for (const field of Object.values(own.fields)) field.refuse(error.address);
    } else own.trouble(error, again);
  } finally { own.sending = false; }
}
