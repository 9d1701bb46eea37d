import { backoffMs, spreadMs } from "./backoff.ts";
import {
  type Bye,
  ChatError,
  decodeFrame,
  disconnected,
  type Hello,
  isReply,
  type Reply,
  type RoomEvent,
} from "./protocol.ts";

const SUBPROTOCOL = "pavilion.chat.v1";
const REPLY_TIMEOUT_MS = 20_000;
const OPEN_TIMEOUT_MS = 12_000;
const FIRST_FINAL_CODE = 4500;
const LAST_FINAL_CODE = 4999;

export type LineReason = "starting" | "offline" | "restarting" | "lost" | "final";

/** `since` is when the line went; a page shows nothing before it has been away for a while. `isPoll`: without a socket. */
export type LineState =
  | { phase: "open"; isPoll?: boolean }
  | { phase: "away"; reason: LineReason; since: number; code?: number; detail?: string };

interface Pending {
  resolve(value: unknown): void;
  reject(error: ChatError): void;
  timer: ReturnType<typeof setTimeout>;
}

export interface LineListener {
  onHello(hello: Hello): void;
  onEvent(event: RoomEvent): void;
  onState(state: LineState): void;
  onHeads(heads: Record<string, number>): void;
  /** The last number seen of each room, for the heartbeat. */
  positions(): Record<string, number>;
}

/** One WebSocket that comes back by itself: commands with replies, events, heartbeat, back-off. */
export class Line {
  state: LineState = { phase: "away", reason: "starting", since: Date.now() };
  private socket: WebSocket | null = null;
  private pending = new Map<number, Pending>();
  private nextId = 1;
  private attempt = 0;
  private isStopped = true;
  private heartbeatMs = 25_000;
  private heardAt = 0;
  private beat: ReturnType<typeof setInterval> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private opening: ReturnType<typeof setTimeout> | undefined;
  private bye: Bye | null = null;

  constructor(
    private readonly url: string,
    private readonly listener: LineListener,
  ) {}

  start(): void {
    if (!this.isStopped) return;
    this.isStopped = false;
    addEventListener("online", this.onOnline);
    addEventListener("offline", this.onOffline);
    document.addEventListener("visibilitychange", this.onVisible);
    this.open();
  }

  stop(): void {
    this.isStopped = true;
    removeEventListener("online", this.onOnline);
    removeEventListener("offline", this.onOffline);
    document.removeEventListener("visibilitychange", this.onVisible);
    clearTimeout(this.retry);
    this.drop();
  }

  /** Tries again at once, because there is news that it may work. */
  nudge(): void {
    this.attempt = 0;
    if (!this.socket) this.open();
  }

  /** Sends a command; resolves with `ok`, rejects with the server's error or `disconnected`. */
  request<T>(op: string, room: string | null, d: unknown): Promise<T> {
    const socket = this.socket;
    if (this.state.phase !== "open" || socket?.readyState !== WebSocket.OPEN)
      return Promise.reject(disconnected());
    const id = this.nextId++;
    return new Promise<T>((resolve, reject) => {
      // No answer for so long means that the line is dead without having said so.
      const timer = setTimeout(() => this.lose("lost"), REPLY_TIMEOUT_MS);
      this.pending.set(id, { resolve: resolve as (value: unknown) => void, reject, timer });
      socket.send(JSON.stringify(room ? { id, op, room, d } : { id, op, d }));
    });
  }

  private open(): void {
    clearTimeout(this.retry);
    if (this.isStopped || this.socket) return;
    if (navigator.onLine === false) {
      this.away("offline");
      return;
    }
    this.bye = null;
    const socket = new WebSocket(this.url, SUBPROTOCOL);
    this.socket = socket;
    this.opening = setTimeout(() => this.lose("lost"), OPEN_TIMEOUT_MS);
    socket.onmessage = (message) => {
      if (this.socket === socket && typeof message.data === "string") this.receive(message.data);
    };
    socket.onclose = (event) => {
      if (this.socket === socket) this.closed(event.code);
    };
  }

  private receive(text: string): void {
    this.heardAt = Date.now();
    for (const frame of decodeFrame(text)) {
      if (isReply(frame)) this.settle(frame);
      else if (frame.ev === "hello") this.welcome(frame.d as Hello);
      else if (frame.ev === "bye") this.farewell(frame);
      else this.listener.onEvent(frame);
    }
  }

  private welcome(hello: Hello): void {
    clearTimeout(this.opening);
    this.attempt = 0;
    this.heartbeatMs = hello.heartbeat_ms;
    clearInterval(this.beat);
    this.beat = setInterval(() => this.heartbeat(), this.heartbeatMs);
    this.state = { phase: "open" };
    this.listener.onHello(hello);
    this.listener.onState(this.state);
  }

  private settle(reply: Reply): void {
    const pending = reply.re === null ? undefined : this.pending.get(reply.re);
    if (!pending || reply.re === null) return;
    this.pending.delete(reply.re);
    clearTimeout(pending.timer);
    if (reply.err) pending.reject(new ChatError(reply.err));
    else pending.resolve(reply.ok);
  }

  private farewell(event: RoomEvent): void {
    const bye = event.d as Bye;
    // A bye that names a room ends that room for this person; whether the socket closes too is for the server to say.
    if (bye.room) this.listener.onEvent({ ...event, room: bye.room });
    this.bye = bye;
  }

  private closed(closeCode: number): void {
    const bye = this.bye;
    const code = bye?.code ?? closeCode;
    const isFinal = code >= FIRST_FINAL_CODE && code <= LAST_FINAL_CODE && !bye?.room;
    if (isFinal) {
      this.isStopped = true;
      this.away("final", code, bye?.reason);
      return;
    }
    // 1012 and 4001 are the server's own restart; 1006 is a line that just went.
    const isRestart = code === 4001 || code === 1012;
    this.away(isRestart ? "restarting" : "lost", code);
    const asked = bye?.retry_after_ms ?? null;
    this.retryIn(asked === null ? backoffMs(this.attempt++) : spreadMs(Math.max(asked, 150)));
  }

  private away(reason: LineReason, code?: number, detail?: string): void {
    const since = this.state.phase === "away" ? this.state.since : Date.now();
    // The first cause stays on show while the attempts that follow fail in their own ways.
    const isStill = this.state.phase === "away" && this.state.reason === "restarting" && reason === "lost";
    this.state = { phase: "away", reason: isStill ? "restarting" : reason, since, code, detail };
    this.drop();
    this.listener.onState(this.state);
  }

  private lose(reason: LineReason): void {
    this.away(reason);
    this.retryIn(backoffMs(this.attempt++));
  }

  private drop(): void {
    clearInterval(this.beat);
    clearTimeout(this.opening);
    const socket = this.socket;
    this.socket = null;
    if (socket) {
      socket.onclose = null;
      socket.onmessage = null;
      socket.close();
    }
    const pending = [...this.pending.values()];
    this.pending.clear();
    for (const { reject, timer } of pending) {
      clearTimeout(timer);
      reject(disconnected());
    }
  }

  private retryIn(ms: number): void {
    clearTimeout(this.retry);
    if (!this.isStopped) this.retry = setTimeout(() => this.open(), ms);
  }

  private heartbeat(): void {
    const sent = this.request<{ heads: Record<string, number> }>("heartbeat", null, {
      rooms: this.listener.positions(),
    });
    sent.then(
      ({ heads }) => this.listener.onHeads(heads),
      // A lost line has its own way back; a refused heartbeat is worth a look but no reconnect.
      (error: ChatError) => {
        if (error.code !== "disconnected") console.warn("heartbeat refused", error);
      },
    );
  }

  private readonly onOnline = (): void => this.nudge();

  private readonly onOffline = (): void => {
    if (!this.isStopped) this.away("offline");
  };

  // A phone that slept may hold a socket that died without a word.
  private readonly onVisible = (): void => {
    if (document.visibilityState !== "visible" || this.isStopped) return;
    if (!this.socket) {
      this.nudge();
    } else if (this.state.phase === "open" && Date.now() - this.heardAt > this.heartbeatMs) {
      this.heartbeat();
    }
  };
}
