import type { Draft } from "../socket/outbox.ts";
import type { Message, Person } from "../socket/protocol.ts";
import type { Provisional } from "./feed.ts";

export type Row =
  | { kind: "day"; key: string; at: Date }
  | { kind: "unread"; key: string }
  | { kind: "message"; key: string; message: Message; isOwn: boolean; isFirst: boolean; isLast: boolean }
  | { kind: "provisional"; key: string; message: Provisional; isFirst: boolean }
  | { kind: "draft"; key: string; draft: Draft; isFirst: boolean; isLast: boolean };

export interface TimelineInput {
  me: string;
  messages: readonly Message[];
  provisional: readonly Provisional[];
  drafts: readonly Draft[];
  /** The number after which everything is new to this person, or null for no line. */
  unreadAfter: number | null;
}

/** Messages of one person closer than this stand together under one name. */
const TOGETHER_MS = 5 * 60_000;

/** Lays out what is shown, from top to bottom: days, the unread line, messages in groups, then what still waits. */
export function buildTimeline(input: TimelineInput): Row[] {
  const rows: Row[] = [];
  let before: Message | null = null;
  let isLinePending = input.unreadAfter !== null;
  for (const message of input.messages) {
    const at = new Date(message.at);
    const isNewDay = !before || !isSameDay(new Date(before.at), at);
    if (isNewDay) rows.push({ kind: "day", key: `day-${dayKey(at)}`, at });
    const isOwn = message.sender?.uid === input.me;
    const startsUnread = isLinePending && message.seq > (input.unreadAfter ?? 0) && !isOwn;
    if (startsUnread) {
      isLinePending = false;
      rows.push({ kind: "unread", key: "unread" });
    }
    const isFirst = isNewDay || startsUnread || !belongsTogether(before, message);
    if (isFirst) endGroup(rows);
    rows.push({ kind: "message", key: `m${message.uid}`, message, isOwn, isFirst, isLast: false });
    before = message;
  }
  const lastIsOwn = before?.sender?.uid === input.me && before.kind === "chat";
  for (const message of input.provisional) {
    if (message.sender.uid === input.me) continue;
    endGroup(rows);
    rows.push({ kind: "provisional", key: `m${message.uid}`, message, isFirst: true });
  }
  input.drafts.forEach((draft, index) => {
    const isFirst = index === 0 && !(lastIsOwn && rows.at(-1)?.kind === "message");
    rows.push({
      kind: "draft",
      key: `d${draft.clientId}`,
      draft,
      isFirst,
      isLast: index === input.drafts.length - 1,
    });
  });
  if (!input.drafts.length) endGroup(rows);
  return rows;
}

function endGroup(rows: Row[]): void {
  // The unread line and the day stand between a message and the next group.
  for (let index = rows.length - 1; index >= 0; index--) {
    const row = rows[index]!;
    if (row.kind === "message") {
      row.isLast = true;
      return;
    }
    if (row.kind === "provisional" || row.kind === "draft") return;
  }
}

function belongsTogether(before: Message | null, message: Message): boolean {
  if (before?.kind !== "chat" || message.kind !== "chat") return false;
  if (!before.sender || before.sender.uid !== message.sender?.uid) return false;
  return Date.parse(message.at) - Date.parse(before.at) < TOGETHER_MS;
}

function isSameDay(a: Date, b: Date): boolean {
  return dayKey(a) === dayKey(b);
}

function dayKey(at: Date): string {
  return `${at.getFullYear()}-${at.getMonth() + 1}-${at.getDate()}`;
}

/** Returns the uids whose name somebody else on the page carries too; they are shown with a tag. */
export function namesakes(people: Iterable<Person>): Set<string> {
  const byName = new Map<string, Set<string>>();
  for (const { uid, name } of people) {
    const folded = name.normalize("NFKC").toLowerCase();
    byName.set(folded, (byName.get(folded) ?? new Set()).add(uid));
  }
  const shared = [...byName.values()].filter((uids) => uids.size > 1);
  return new Set(shared.flatMap((uids) => [...uids]));
}

const EMOJI_ONLY =
  /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|\u200d|\ufe0f|\s)+$/u;

/** True for a message of one to three emoji and nothing else, which is drawn large. */
export function isEmojiOnly(text: string): boolean {
  return (
    text.length <= 24 &&
    /\p{Extended_Pictographic}|\p{Regional_Indicator}/u.test(text) &&
    EMOJI_ONLY.test(text)
  );
}
