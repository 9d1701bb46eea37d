import assert from "node:assert/strict";
import { test } from "node:test";
import { buildTimeline, isEmojiOnly, namesakes, type Row } from "../src/room/timeline.ts";
import { backoffMs, spreadMs } from "../src/socket/backoff.ts";
import { newDraft } from "../src/socket/outbox.ts";
import type { Message } from "../src/socket/protocol.ts";

const person = (uid: string, name = uid) => ({ uid, name, guest: true, role: "member" as const });

function message(seq: number, uid: string, at: string): Message {
  const fixed = { kind: "chat" as const, text: "hi", edited_at: null, deleted: false };
  return { ...fixed, seq, rev: seq, uid: `m${seq}`, sender: person(uid), at };
}

const input = (messages: Message[], unreadAfter: number | null = null) => ({
  me: "me",
  messages,
  provisional: [],
  drafts: [],
  unreadAfter,
});

const shape = (rows: Row[]): string =>
  rows
    .map((row) => {
      if (row.kind === "message")
        return `${row.isFirst ? "(" : ""}${row.message.seq}${row.isLast ? ")" : ""}`;
      return row.kind === "draft" ? `${row.isFirst ? "(" : ""}draft` : row.kind;
    })
    .join(" ");

test("messages of one person within five minutes stand together", () => {
  const rows = buildTimeline(
    input([
      message(1, "a", "2026-05-01T12:00:00"),
      message(2, "a", "2026-05-01T12:01:00"),
      message(3, "b", "2026-05-01T12:02:00"),
      message(4, "a", "2026-05-01T12:03:00"),
      message(5, "a", "2026-05-01T12:09:00"),
    ]),
  );
  assert.equal(shape(rows), "day (1 2) (3) (4) (5)");
});

test("a new day and the unread line begin a new group", () => {
  const rows = buildTimeline(
    input(
      [
        message(1, "a", "2026-05-01T23:59:00"),
        message(2, "a", "2026-05-02T00:00:30"),
        message(3, "a", "2026-05-02T00:01:00"),
      ],
      2,
    ),
  );
  assert.equal(shape(rows), "day (1) day (2) unread (3)");
});

test("the unread line stands above the first message of somebody else", () => {
  const mine = message(2, "me", "2026-05-01T12:00:00");
  const rows = buildTimeline(input([message(1, "a", "2026-05-01T11:00:00"), mine], 1));
  assert.ok(!rows.some((row) => row.kind === "unread"));
});

test("what waits in the outbox stands below everything", () => {
  const draft = newDraft({ clientId: "c", user: "me", room: "r", text: "later" }, 0, 1);
  const rows = buildTimeline({ ...input([message(1, "me", "2026-05-01T12:00:00")]), drafts: [draft] });
  assert.equal(shape(rows), "day (1 draft");
});

test("rows keep their keys when history is added above", () => {
  const late = message(9, "a", "2026-05-01T12:00:00");
  const before = buildTimeline(input([late])).map((row) => row.key);
  const after = buildTimeline(input([message(1, "b", "2026-05-01T11:00:00"), late])).map((row) => row.key);
  assert.ok(before.every((key) => after.includes(key)));
  assert.equal(new Set(after).size, after.length);
});

test("people with one name are told apart, one person with many messages is not", () => {
  const shared = namesakes([person("1", "Kim"), person("2", "kim"), person("3", "Ada"), person("3", "Ada")]);
  assert.deepEqual([...shared].sort(), ["1", "2"]);
});

test("emoji alone are drawn large, digits are not", () => {
  assert.ok(isEmojiOnly("🎉🎪"));
  assert.ok(isEmojiOnly("👩‍🚒"));
  assert.ok(isEmojiOnly("🇪🇺"));
  assert.ok(!isEmojiOnly("42"));
  assert.ok(!isEmojiOnly("yes 🎉"));
  assert.ok(!isEmojiOnly(""));
});

test("the pause before a new attempt grows, is bounded and spread", () => {
  assert.ok(backoffMs(0, () => 0) >= 200);
  assert.ok(backoffMs(3, () => 0.5) > backoffMs(1, () => 0.5));
  assert.equal(
    backoffMs(50, () => 1),
    20_000,
  );
  assert.equal(
    spreadMs(1000, () => 0),
    1000,
  );
  assert.equal(
    spreadMs(1000, () => 1),
    1250,
  );
});
