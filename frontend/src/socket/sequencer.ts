import type { DurableEvent } from "./protocol.ts";

/**
 * Puts the events of one room in order: exactly `last + 1` is applied, what is known is dropped, what lies behind a
 * hole waits until the server has told what is missing.
 */
export class Sequencer {
  private waiting = new Map<number, DurableEvent>();

  constructor(
    public epoch: string,
    public last: number,
  ) {}

  /** True while events wait behind a hole. */
  get hasHole(): boolean {
    return this.waiting.size > 0;
  }

  /** Takes one live event; returns those that are to be applied now, in order. */
  push(event: DurableEvent): DurableEvent[] {
    if (event.seq <= this.last) return [];
    this.waiting.set(event.seq, event);
    return this.drain();
  }

  /**
   * Takes the answer to a resume: everything that changed up to `head`. Changes collapse, so its numbers need not be
   * dense; afterwards the position is `head` all the same.
   */
  resume(events: readonly DurableEvent[], head: number): DurableEvent[] {
    const fresh = events.filter((event) => event.seq > this.last).sort((a, b) => a.seq - b.seq);
    const highest = fresh.at(-1)?.seq ?? 0;
    this.last = Math.max(this.last, head, highest);
    return [...fresh, ...this.drain()];
  }

  /** Starts anew from a snapshot; returns the live events that came in above it meanwhile. */
  reset(epoch: string, head: number): DurableEvent[] {
    if (epoch !== this.epoch) this.waiting.clear();
    this.epoch = epoch;
    this.last = head;
    return this.drain();
  }

  private drain(): DurableEvent[] {
    const ready: DurableEvent[] = [];
    for (const seq of this.waiting.keys()) if (seq <= this.last) this.waiting.delete(seq);
    for (let next = this.waiting.get(this.last + 1); next; next = this.waiting.get(this.last + 1)) {
      this.waiting.delete(next.seq);
      this.last = next.seq;
      ready.push(next);
    }
    return ready;
  }
}
