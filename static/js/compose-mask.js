// A masked address made for the message that is being written: it is named for the first recipient's domain.

import { signatureFor } from "./compose-answer.js";
import { call } from "./compose-net.js";

/** `own` is the window (compose-window.js). */
export async function fromMask(own) {
  own.find(":popover-open")?.hidePopover();
  const [, email = ""] = own.fields.to.people[0] ?? [];
  const { address } = await call("mask/", { body: { note: email.split("@").at(-1) } });
  own.from.add(new Option(address, address));
  own.from.value = address;
  own.find(".compose-sender").hidden = false;
  if (!own.signedByHand) own.sign(signatureFor(own), { byHand: false });
  own.touched();
  own.from.focus();
}
