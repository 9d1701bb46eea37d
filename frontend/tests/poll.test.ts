import assert from "node:assert/strict";
import { test } from "node:test";
import { problemToError } from "../src/socket/poll.ts";
import { ChatError } from "../src/socket/protocol.ts";

test("a refusal over HTTP is the refusal that a socket would have carried", () => {
  const error = new ChatError(
    problemToError({
      status: 429,
      code: "slow_mode",
      detail: "Wait a moment.",
      retry_after_ms: 2500,
      errors: [],
    }),
  );
  assert.equal(error.code, "slow_mode");
  assert.equal(error.message, "Wait a moment.");
  assert.equal(error.retryAfterMs, 2500);
});

for (const answer of [null, "<html>", {}, { status: 502 }]) {
  test(`an answer that is none of ours counts as no answer: ${JSON.stringify(answer)}`, () => {
    assert.equal(problemToError(answer).code, "disconnected");
  });
}
