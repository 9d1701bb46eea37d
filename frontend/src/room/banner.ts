import { html, nothing, type TemplateResult } from "lit";
import type { LineState } from "../socket/line.ts";
import type { Bye } from "../socket/protocol.ts";

/** A short loss of the line concerns nobody: what is written waits, and nothing is missed. */
export const BANNER_AFTER_MS = 8000;

const FINAL_WORDS: Record<string, string> = {
  banned: "You have been banned from this room.",
  revoked: "You were removed from this room.",
  not_found: "This room is not open to you any more.",
  room_closed: "This room is closed.",
  forbidden: "This room is not open to you any more.",
  another_person: "You are logged in as somebody else now.",
};

const LINE_WORDS: Record<number, string> = {
  4501: "You are logged out.",
  4502: "Your access was taken back.",
  4503: "You have been banned.",
  4504: "Pavilion is open in too many places at once. Close some, then reload.",
  4505: "There is a new version of this page.",
};

export function bannerView(line: LineState, ended: Bye | null, now: number): TemplateResult | typeof nothing {
  if (ended)
    return finalBanner(FINAL_WORDS[ended.reason] ?? "This room has ended for you.", "/", "To all rooms");
  if (line.phase === "open") return nothing;
  if (line.reason === "final") {
    return finalBanner(
      LINE_WORDS[line.code ?? 0] ?? "The server ended this connection.",
      location.pathname,
      "Reload",
    );
  }
  if (now - line.since < BANNER_AFTER_MS) return nothing;
  return html`<div class="banner"><span class="banner__pulse"></span>${awayWords(line.reason)}</div>`;
}

function awayWords(reason: string): string {
  if (reason === "offline") return "You are offline. What you write is kept and sent later.";
  if (reason === "restarting") return "The server is restarting. Back in a moment…";
  return "Reconnecting… What you write is kept.";
}

function finalBanner(text: string, href: string, action: string): TemplateResult {
  return html`<div class="banner banner--final"><span>${text}</span><a href=${href}>${action}</a></div>`;
}
