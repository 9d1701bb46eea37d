import type { ChatError } from "./protocol.ts";

/** What was written and is not yet known to be in the room. `order` is the order of writing across all tabs. */
export interface Draft {
  clientId: string;
  user: string;
  room: string;
  text: string;
  writtenAt: number;
  order: number;
  /**
   * waiting: goes out as soon as it may. held: too old to send without asking. journaled: the server has it and will
   * give it a place once its database is back. failed: refused, with the reason.
   */
  state: "waiting" | "held" | "journaled" | "failed";
  tries: number;
  notBefore: number;
  code?: string;
  reason?: string;
}

/** Older than this, a message may make no sense any more: "I am at the gate". */
export const STALE_MS = 10 * 60_000;
const KEEP_MS = 7 * 24 * 3_600_000;
const MAX_INTERNAL_TRIES = 4;
const WAITABLE = new Set(["rate_limited", "slow_mode", "overloaded", "held"]);

export function newDraft(
  fields: Pick<Draft, "clientId" | "user" | "room" | "text">,
  now: number,
  order: number,
): Draft {
  return { ...fields, writtenAt: now, order, state: "waiting", tries: 0, notBefore: 0 };
}

/** Returns the order after the newest draft. Time alone would not do: two drafts may fall into one millisecond. */
export function nextOrder(drafts: readonly Draft[], now: number): number {
  return Math.max(now, ...drafts.map((draft) => draft.order + 1));
}

export function inOrder(drafts: readonly Draft[]): Draft[] {
  return [...drafts].sort((a, b) => a.order - b.order || a.clientId.localeCompare(b.clientId));
}

/** Returns the draft with `held` where it has waited too long to go out without a question. */
export function aged(draft: Draft, now: number): Draft {
  const isStale = draft.state === "waiting" && now - draft.writtenAt > STALE_MS;
  return isStale ? { ...draft, state: "held" } : draft;
}

export function isForgotten(draft: Draft, now: number): boolean {
  return now - draft.writtenAt > KEEP_MS;
}

export interface Turn {
  /** One draft per room at most: the next goes out when this one is answered, which keeps the order. */
  send: Draft[];
  /** When to look again, or null when nothing waits for the time to pass. */
  wakeAt: number | null;
}

/**
 * Says what may go out now. `busy` holds the rooms with a draft on its way, `confirmed` the journaled drafts that this
 * connection has already asked about; any other journaled draft is sent again, which the server answers without
 * storing it twice.
 */
export function nextTurn(
  drafts: readonly Draft[],
  now: number,
  busy: ReadonlySet<string>,
  confirmed: ReadonlySet<string>,
): Turn {
  const send: Draft[] = [];
  const taken = new Set(busy);
  let wakeAt: number | null = null;
  for (const draft of inOrder(drafts)) {
    const isDue =
      draft.state === "waiting" || (draft.state === "journaled" && !confirmed.has(draft.clientId));
    if (!isDue || taken.has(draft.room)) continue;
    taken.add(draft.room);
    if (draft.notBefore > now) wakeAt = Math.min(wakeAt ?? draft.notBefore, draft.notBefore);
    else send.push(draft);
  }
  return { send, wakeAt };
}

/** Returns the draft as it stands after a refusal: waiting for a later try, or failed with the reason. */
export function refused(draft: Draft, error: ChatError, now: number): Draft {
  const tries = draft.tries + 1;
  // A lost line says nothing about the message: the same client_id goes out again on the next one.
  if (error.code === "disconnected") return { ...draft, tries };
  const reason = { code: error.code, reason: error.message };
  if (WAITABLE.has(error.code)) {
    const pause = error.retryAfterMs ?? Math.min(30_000, 1000 * 2 ** Math.min(tries, 5));
    return { ...draft, ...reason, tries, notBefore: now + pause };
  }
  if (error.code === "internal" && tries < MAX_INTERNAL_TRIES) {
    return { ...draft, tries, notBefore: now + 1000 * 2 ** tries };
  }
  return { ...draft, ...reason, tries, state: "failed" };
}

/** Returns the draft ready to go out again at the person's word, with the same client_id. */
export function confirmedByPerson(draft: Draft, now: number): Draft {
  return {
    ...draft,
    state: "waiting",
    writtenAt: now,
    tries: 0,
    notBefore: 0,
    code: undefined,
    reason: undefined,
  };
}
