const FIRST_MS = 400;
const LONGEST_MS = 20_000;

/**
 * Returns how long to wait before the given attempt (0 is the first after the line went). The upper half is random:
 * ten thousand phones that lose one access point must not come back in the same instant.
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(ceiling / 2 + random() * (ceiling / 2));
}

/** Spreads the time that a server asked for: never sooner, up to a quarter later. */
export function spreadMs(askedMs: number, random: () => number = Math.random): number {
  return Math.round(askedMs * (1 + random() * 0.25));
}
