import assert from "node:assert/strict";
import { test } from "node:test";
import {
  aged,
  confirmedByPerson,
  type Draft,
  inOrder,
  isForgotten,
  newDraft,
  nextOrder,
  nextTurn,
  refused,
  STALE_MS,
} from "../src/socket/outbox.ts";
import { ChatError, disconnected } from "../src/socket/protocol.ts";

const NOW = 1_000_000_000_000;
const NOBODY: ReadonlySet<string> = new Set();

function draft(clientId: string, order: number, changes: Partial<Draft> = {}): Draft {
  return { ...newDraft({ clientId, user: "u", room: "r", text: clientId }, NOW, order), ...changes };
}

const ids = (drafts: Draft[]): string[] => drafts.map(({ clientId }) => clientId);
const refusal = (code: string, retry_after_ms: number | null = null): ChatError =>
  new ChatError({ code, message: code, retry_after_ms });

test("one draft per room goes out, the oldest first", () => {
  const drafts = [draft("b", 2), draft("a", 1), draft("other", 3, { room: "q" })];
  assert.deepEqual(ids(nextTurn(drafts, NOW, NOBODY, NOBODY).send), ["a", "other"]);
  assert.deepEqual(ids(nextTurn(drafts, NOW, new Set(["r"]), NOBODY).send), ["other"]);
});

test("a draft that must wait holds back those behind it in its room", () => {
  const drafts = [draft("a", 1, { notBefore: NOW + 500 }), draft("b", 2), draft("other", 3, { room: "q" })];
  const turn = nextTurn(drafts, NOW, NOBODY, NOBODY);
  assert.deepEqual(ids(turn.send), ["other"]);
  assert.equal(turn.wakeAt, NOW + 500);
});

test("failed and held drafts let the others pass", () => {
  const drafts = [draft("a", 1, { state: "failed" }), draft("b", 2, { state: "held" }), draft("c", 3)];
  assert.deepEqual(ids(nextTurn(drafts, NOW, NOBODY, NOBODY).send), ["c"]);
});

test("a journaled draft is asked about once per connection", () => {
  const drafts = [draft("a", 1, { state: "journaled" }), draft("b", 2)];
  assert.deepEqual(ids(nextTurn(drafts, NOW, NOBODY, NOBODY).send), ["a"]);
  assert.deepEqual(ids(nextTurn(drafts, NOW, NOBODY, new Set(["a"])).send), ["b"]);
});

test("a lost line leaves the draft waiting with the same client_id", () => {
  const after = refused(draft("a", 1), disconnected(), NOW);
  assert.equal(after.state, "waiting");
  assert.equal(after.clientId, "a");
  assert.equal(after.notBefore, 0);
});

test("limits are waited for as long as the server says", () => {
  for (const code of ["rate_limited", "slow_mode", "overloaded"]) {
    const after = refused(draft("a", 1), refusal(code, 1800), NOW);
    assert.equal(after.state, "waiting");
    assert.equal(after.notBefore, NOW + 1800);
  }
  assert.ok(refused(draft("a", 1), refusal("overloaded"), NOW).notBefore > NOW);
});

test("refusals that time does not heal fail with the reason", () => {
  for (const code of [
    "filtered",
    "muted",
    "forbidden",
    "banned",
    "too_large",
    "room_closed",
    "idempotency_conflict",
  ]) {
    const after = refused(draft("a", 1), refusal(code), NOW);
    assert.equal(after.state, "failed");
    assert.equal(after.reason, code);
  }
});

test("an internal error is tried a few times and then shown", () => {
  let current = draft("a", 1);
  for (let round = 0; round < 3; round++) {
    current = refused(current, refusal("internal"), NOW);
    assert.equal(current.state, "waiting");
  }
  assert.equal(refused(current, refusal("internal"), NOW).state, "failed");
});

test("what is older than ten minutes asks before it goes out", () => {
  assert.equal(aged(draft("a", 1), NOW + STALE_MS).state, "waiting");
  const held = aged(draft("a", 1), NOW + STALE_MS + 1);
  assert.equal(held.state, "held");
  const confirmed = confirmedByPerson(held, NOW + STALE_MS + 1);
  assert.equal(confirmed.state, "waiting");
  assert.equal(confirmed.clientId, "a");
  assert.equal(aged(confirmed, NOW + STALE_MS + 2).state, "waiting");
});

test("the order of writing survives equal times and clocks that go back", () => {
  const first = draft("x", nextOrder([], NOW));
  const second = draft("a", nextOrder([first], NOW));
  const third = draft("m", nextOrder([first, second], NOW - 60_000));
  assert.deepEqual(ids(inOrder([third, second, first])), ["x", "a", "m"]);
});

test("a draft nobody came back for is forgotten after a week", () => {
  assert.equal(isForgotten(draft("a", 1), NOW + 6 * 86_400_000), false);
  assert.equal(isForgotten(draft("a", 1), NOW + 8 * 86_400_000), true);
});
