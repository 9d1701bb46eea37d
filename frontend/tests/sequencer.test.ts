import assert from "node:assert/strict";
import { test } from "node:test";
import type { DurableEvent } from "../src/socket/protocol.ts";
import { Sequencer } from "../src/socket/sequencer.ts";

const event = (seq: number): DurableEvent => ({ ev: "message.created", room: "r", seq, d: null });
const numbers = (events: DurableEvent[]): number[] => events.map(({ seq }) => seq);

test("the next number is applied, what is known is dropped", () => {
  const sequencer = new Sequencer("e", 4);
  assert.deepEqual(numbers(sequencer.push(event(5))), [5]);
  assert.deepEqual(numbers(sequencer.push(event(5))), []);
  assert.deepEqual(numbers(sequencer.push(event(3))), []);
  assert.equal(sequencer.last, 5);
  assert.equal(sequencer.hasHole, false);
});

test("what comes behind a hole waits until the hole is filled", () => {
  const sequencer = new Sequencer("e", 4);
  assert.deepEqual(numbers(sequencer.push(event(7))), []);
  assert.deepEqual(numbers(sequencer.push(event(6))), []);
  assert.equal(sequencer.hasHole, true);
  assert.deepEqual(numbers(sequencer.push(event(5))), [5, 6, 7]);
  assert.equal(sequencer.hasHole, false);
});

test("a resume applies changes that are not dense and then what waited above its head", () => {
  const sequencer = new Sequencer("e", 4);
  sequencer.push(event(12));
  sequencer.push(event(9));
  assert.deepEqual(numbers(sequencer.resume([event(10), event(6), event(4)], 11)), [6, 10, 12]);
  assert.equal(sequencer.last, 12);
  assert.equal(sequencer.hasHole, false);
});

test("a late answer to a resume takes nothing back", () => {
  const sequencer = new Sequencer("e", 4);
  for (const seq of [5, 6, 7]) sequencer.push(event(seq));
  assert.deepEqual(numbers(sequencer.resume([event(5), event(6)], 6)), []);
  assert.equal(sequencer.last, 7);
});

test("a reset to a new epoch forgets what waited, one in the same epoch does not", () => {
  const same = new Sequencer("e", 4);
  same.push(event(21));
  assert.deepEqual(numbers(same.reset("e", 20)), [21]);
  const other = new Sequencer("e", 40);
  other.push(event(45));
  assert.deepEqual(numbers(other.reset("f", 2)), []);
  assert.equal(other.last, 2);
  assert.equal(other.epoch, "f");
  assert.equal(other.hasHole, false);
});

test("any order of arrival ends in the same order of application", () => {
  for (let round = 0; round < 200; round++) {
    const sequencer = new Sequencer("e", 0);
    const sent = Array.from({ length: 30 }, (_, index) => index + 1);
    const arrived = [...sent, ...sent.slice(0, 10)].sort(() => Math.random() - 0.5);
    const applied = arrived.flatMap((seq) => numbers(sequencer.push(event(seq))));
    assert.deepEqual(applied, sent);
  }
});
