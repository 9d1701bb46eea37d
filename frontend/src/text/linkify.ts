export interface Piece {
  text: string;
  href: string | null;
}

const CANDIDATE = /https?:\/\/[^\s<>"'`{}|\\^\u200e\u200f\u202a-\u202e\u2066-\u2069]+/giu;
const TRAILING = /[.,;:!?…·»”’*_~]+$/u;
const PAIRS: Record<string, string> = { ")": "(", "]": "[" };

/** Splits a text into plain pieces and links. Only absolute http and https addresses become links. */
export function linkify(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    const shown = trimmed(match[0]);
    const href = address(shown);
    if (!href) continue;
    if (match.index > end) pieces.push({ text: text.slice(end, match.index), href: null });
    pieces.push({ text: shown, href });
    end = match.index + shown.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), href: null });
  return pieces;
}

// The full stop after an address ends the sentence; a closing bracket belongs to it only if it was opened inside.
function trimmed(candidate: string): string {
  let text = candidate;
  for (;;) {
    const shorter = text.replace(TRAILING, "");
    const closing = shorter.at(-1) ?? "";
    const opening = PAIRS[closing];
    const isUnmatched = opening !== undefined && count(shorter, closing) > count(shorter, opening);
    const next = isUnmatched ? shorter.slice(0, -1) : shorter;
    if (next === text) return text;
    text = next;
  }
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

function address(text: string): string | null {
  try {
    const url = new URL(text);
    const isPlain = url.protocol === "http:" || url.protocol === "https:";
    // "https://bank.example@evil.example" shows one host and opens another.
    return isPlain && url.hostname && !url.username && !url.password ? url.href : null;
  } catch {
    return null;
  }
}
