import assert from "node:assert/strict";
import { test } from "node:test";
import { hueClass, initial } from "../src/text/hue.ts";
import { linkify } from "../src/text/linkify.ts";
import { normaliseCode } from "../src/text/room-code.ts";

const links = (text: string): string[] => linkify(text).flatMap(({ href, text }) => (href ? [text] : []));

test("pieces put together are the text again", () => {
  for (const text of [
    "",
    "plain",
    "see https://a.example/x, then (http://b.example).",
    "\u202ehttps://a.example",
  ]) {
    assert.equal(
      linkify(text)
        .map((piece) => piece.text)
        .join(""),
      text,
    );
  }
});

test("links end where the sentence goes on", () => {
  assert.deepEqual(links("Look: https://a.example/x?y=1&z=2."), ["https://a.example/x?y=1&z=2"]);
  assert.deepEqual(links("(see https://a.example/x)"), ["https://a.example/x"]);
  assert.deepEqual(links("https://a.example/wiki/Tent_(big), yes"), ["https://a.example/wiki/Tent_(big)"]);
  assert.deepEqual(links("https://a.example https://b.example!"), ["https://a.example", "https://b.example"]);
  assert.deepEqual(links('"https://a.example"'), ["https://a.example"]);
});

test("only http and https become links, and none that hides its host", () => {
  for (const text of [
    "javascript:alert(1)",
    "data:text/html,x",
    "ftp://a.example",
    "a.example",
    "//a.example",
    "https://bank.example@evil.example",
    "https://",
  ]) {
    assert.deepEqual(links(text), [], text);
  }
  assert.deepEqual(links("https://a.example/<script>"), ["https://a.example/"]);
  assert.deepEqual(links("https://a.example/\u202egnp.exe"), ["https://a.example/"]);
});

test("addresses in other scripts are links too", () => {
  const [piece] = linkify("https://münchen.example/größe");
  assert.equal(piece?.text, "https://münchen.example/größe");
  assert.match(piece?.href ?? "", /^https:\/\/xn--/);
});

test("a very long text is split in a moment", () => {
  const started = performance.now();
  linkify(`https://a.example/${")".repeat(4000)}`);
  linkify("https://".repeat(500));
  assert.ok(performance.now() - started < 500);
});

test("codes are read in any case, with blanks and missing dashes", () => {
  for (const typed of ["blue-stage-4207", "BLUE STAGE 4207", " Blue_Stage.4207 ", "blue  stage4207"]) {
    assert.equal(normaliseCode(typed), "blue-stage-4207");
  }
  for (const typed of ["7K3QM9XT", "7k3q-m9xt", "7k3q m9xt"]) assert.equal(normaliseCode(typed), "7K3QM9XT");
  assert.equal(normaliseCode("o1lI2345"), "01112345");
  assert.equal(normaliseCode(" something else "), "something else");
});

test("hues and initials are stable", () => {
  assert.match(hueClass("mfrggzdfmztwq2lk"), /^hue-[0-7]$/);
  assert.equal(hueClass("mfrggzdfmztwq2lk"), hueClass("mfrggzdfmztwq2lk"));
  assert.equal(initial(" anna"), "A");
  assert.equal(initial("👩‍🚒 Kim"), "👩‍🚒");
});
