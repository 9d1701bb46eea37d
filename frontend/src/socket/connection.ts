import { Line, type LineListener, type LineState } from "./line.ts";
import { Poll, type PollListener } from "./poll.ts";
import type { Bye, ChatError, Hello, JoinReply, RoomEvent } from "./protocol.ts";

/** Several attempts at a socket fit into this; who still has none gets the slower way meanwhile. */
const POLL_AFTER_MS = 6000;
const POLL_AGAIN_MS = 8000;

export interface ConnectionListener extends LineListener {
  /** What changed in a room, told as a whole. */
  onCaughtUp(room: string, reply: JoinReply): void;
}

/**
 * The way to the server: a socket where there can be one, a long poll where a network breaks sockets. The socket is
 * tried on and takes over as soon as it opens. To whoever listens both are one line.
 */
export class Connection implements LineListener, PollListener {
  private readonly line: Line;
  private readonly poll: Poll;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private lineState: LineState = { phase: "away", reason: "starting", since: Date.now() };

  constructor(
    url: string,
    private readonly listener: ConnectionListener,
  ) {
    this.line = new Line(url, this);
    this.poll = new Poll(this);
  }

  start(): void {
    this.line.start();
    this.pollIn(POLL_AFTER_MS);
  }

  stop(): void {
    clearTimeout(this.retry);
    this.poll.stop();
    this.line.stop();
    this.lineState = { phase: "away", reason: "starting", since: Date.now() };
  }

  request<T>(op: string, room: string | null, d: unknown): Promise<T> {
    return this.poll.isOpen ? this.poll.request<T>(op, room, d) : this.line.request<T>(op, room, d);
  }

  // --- the socket -----------------------------------------------------------------------------------------------

  onHello(hello: Hello): void {
    this.listener.onHello(hello);
  }

  onState(state: LineState): void {
    const wasOpen = this.lineState.phase === "open";
    this.lineState = state;
    const isHopeless = state.phase === "away" && (state.reason === "offline" || state.reason === "final");
    if (state.phase === "open" || isHopeless) {
      clearTimeout(this.retry);
      this.poll.stop();
    } else if (wasOpen) {
      this.pollIn(POLL_AFTER_MS);
    }
    // While the poll carries the rooms, attempts at a socket that fail concern nobody.
    if (!this.poll.isOpen) this.listener.onState(state);
    if (state.phase === "away" && state.reason === "offline") this.pollIn(POLL_AGAIN_MS);
  }

  onEvent(event: RoomEvent): void {
    this.listener.onEvent(event);
  }

  onHeads(heads: Record<string, number>): void {
    this.listener.onHeads(heads);
  }

  positions(): Record<string, number> {
    return this.listener.positions();
  }

  // --- the poll -------------------------------------------------------------------------------------------------

  private pollIn(ms: number): void {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => void this.tryPoll(), ms);
  }

  private async tryPoll(): Promise<void> {
    if (this.isSocketOpen()) return;
    const isReached = navigator.onLine !== false && (await this.poll.start());
    // The socket may have opened while the poll was asking.
    if (this.isSocketOpen()) {
      this.poll.stop();
    } else if (isReached) {
      this.listener.onState({ phase: "open", isPoll: true });
      // The server answers, so a socket may be possible again: after a restart this saves the rest of a long pause.
      this.line.nudge();
    } else {
      this.pollIn(POLL_AGAIN_MS);
    }
  }

  private isSocketOpen(): boolean {
    return this.lineState.phase === "open";
  }

  onCaughtUp(room: string, reply: JoinReply): void {
    this.listener.onCaughtUp(room, reply);
  }

  onRoomRefused(room: string, error: ChatError): void {
    const d: Bye = { code: 4502, reason: error.code, room };
    this.listener.onEvent({ ev: "bye", room, d });
  }

  onPollLost(error: ChatError): void {
    this.poll.stop();
    if (error.code === "unauthenticated") {
      this.stop();
      this.listener.onState({ phase: "away", reason: "final", code: 4501, since: Date.now() });
      return;
    }
    this.listener.onState({ phase: "away", reason: "lost", since: Date.now() });
    this.pollIn(POLL_AGAIN_MS);
  }
}
