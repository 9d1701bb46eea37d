import type { ChatClient, RoomListener } from "../socket/client.ts";
import type { LineState } from "../socket/line.ts";
import type { Draft } from "../socket/outbox.ts";
import {
  type Bye,
  ChatError,
  type DurableEvent,
  isDurable,
  type JoinReply,
  type Message,
  type Person,
  type Room,
  type RoomEvent,
  type SendReply,
  type Snapshot,
  type Standing,
} from "../socket/protocol.ts";
import { Sequencer } from "../socket/sequencer.ts";

/** What the server rendered the page from. */
export interface PageData {
  me: Person & { staff?: boolean };
  standing: Standing;
  room: Room;
  epoch: string;
  head: number;
  messages: Message[];
  has_more: boolean;
  online: number;
}

/** A message that waits in the server's journal: everybody sees it, but it has no place yet. */
export interface Provisional {
  uid: string;
  sender: Person;
  text: string;
  at: string;
}

const HISTORY_PAGE = 60;
/** Reading at the end, this many messages stay in the page; older ones are fetched again when asked for. */
const KEPT_AT_END = 400;
const TRIM_ABOVE = 700;
const HEAD_GRACE_MS = 1500;
const ATTACH_AGAIN_MS = 4000;
/** Refusals that no repeat will change. */
const FINAL_REFUSALS = new Set(["not_found", "forbidden", "banned", "room_closed", "unauthenticated"]);

/** One room as this tab knows it: the history it holds, its position, and who is there. */
export class RoomFeed extends EventTarget implements RoomListener {
  readonly room: string;
  readonly me: PageData["me"];
  info: Room;
  standing: Standing;
  messages: Message[] = [];
  provisional: Provisional[] = [];
  drafts: Draft[] = [];
  people: Person[] = [];
  online: number;
  hasOlder: boolean;
  olderState: "idle" | "loading" | "failed" = "idle";
  line: LineState;
  /** Why the room is over for this person, when it is. */
  ended: Bye | null = null;
  notice: string | null = null;

  private readonly known = new Map<number, Message>();
  private readonly sequencer: Sequencer;
  private syncing = false;
  private readUpTo: number;

  constructor(
    private readonly client: ChatClient,
    data: PageData,
  ) {
    super();
    this.room = data.room.uid;
    this.me = data.me;
    this.info = data.room;
    this.standing = data.standing;
    this.online = data.online;
    this.hasOlder = data.has_more;
    this.line = client.state;
    this.readUpTo = data.standing.read_seq;
    this.sequencer = new Sequencer(data.epoch, data.head);
    for (const message of data.messages) this.known.set(message.seq, message);
    this.sort();
    client.follow(this);
    this.onOutbox();
  }

  get isLive(): boolean {
    return this.line.phase === "open" && !this.ended;
  }

  /** True where nobody writes any more. */
  get isClosed(): boolean {
    return this.info.archived || this.info.mode === "closed";
  }

  /** True while what was said can be changed, which the slower way to the server does not offer. */
  get canChange(): boolean {
    return this.isLive && this.line.phase === "open" && !this.line.isPoll;
  }

  /** True where this person may delete what others wrote. */
  get canModerate(): boolean {
    return this.standing.role !== "member" || this.me.staff === true;
  }

  /** How many are here, as told last: whoever is connected is here at least themselves. */
  get peopleCount(): number {
    return this.isLive ? Math.max(1, this.online) : this.online;
  }

  get textLimit(): number {
    return this.client.textLimit;
  }

  // --- what the person does -------------------------------------------------------------------------------------

  send(text: string): Promise<void> {
    return this.client.write(this.room, this.me.uid, text);
  }

  retry(draft: Draft): Promise<void> {
    return this.client.retry(draft.clientId);
  }

  discard(draft: Draft): Promise<void> {
    return this.client.discard(draft.clientId);
  }

  async edit(seq: number, text: string): Promise<void> {
    await this.client.request("message.edit", this.room, { seq, text });
  }

  async delete(seq: number): Promise<void> {
    await this.client.request("message.delete", this.room, { seq });
  }

  async loadOlder(): Promise<void> {
    if (!this.hasOlder || this.olderState === "loading") return;
    this.olderState = "loading";
    this.changed();
    try {
      const before = this.messages[0]?.seq ?? this.sequencer.last + 1;
      const d = { before, limit: HISTORY_PAGE };
      const page = await this.client.request<{ messages: Message[]; has_more: boolean }>(
        "history.fetch",
        this.room,
        d,
      );
      for (const message of page.messages) this.put(message);
      this.hasOlder = page.has_more;
      this.olderState = "idle";
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      this.olderState = "failed";
    }
    this.sort();
    this.changed();
  }

  async loadPeople(): Promise<void> {
    const reply = await this.client.request<{ online: number; people: Person[] }>(
      "presence.list",
      this.room,
      {},
    );
    this.online = reply.online;
    this.people = reply.people;
    this.changed();
  }

  /** Tells the server how far this person has read. Never goes back. */
  async markRead(): Promise<void> {
    const newest = this.messages.at(-1)?.seq ?? 0;
    if (newest <= this.readUpTo || !this.canChange) return;
    const before = this.readUpTo;
    this.readUpTo = newest;
    try {
      await this.client.request("read.set", this.room, { seq: newest });
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      this.readUpTo = before;
    }
  }

  /** Drops the oldest messages of a long stay; called while the reader is at the end. */
  trim(): boolean {
    if (this.messages.length <= TRIM_ABOVE) return false;
    for (const message of this.messages.slice(0, -KEPT_AT_END)) this.known.delete(message.seq);
    this.hasOlder = true;
    this.sort();
    return true;
  }

  // --- what the server says -------------------------------------------------------------------------------------

  attach(): void {
    void this.catchUp("room.join", { since: this.position(), limit: 50 });
  }

  onState(state: LineState): void {
    this.line = state;
    // Somebody logged in as another person in this browser: this page must not speak for them.
    if (this.client.me && this.client.me.uid !== this.me.uid)
      this.ended = { code: 4501, reason: "another_person" };
    this.changed();
  }

  onHead(head: number): void {
    if (head <= this.sequencer.last) return;
    // The events may be on their way in the frame behind this reply.
    setTimeout(() => {
      if (head > this.sequencer.last) void this.sync();
    }, HEAD_GRACE_MS);
  }

  onCaughtUp(reply: JoinReply): void {
    // The answer starts where the leading tab stood. Who is further behind asks for themselves.
    if (reply.mode === "resumed" && reply.from > this.sequencer.last) void this.sync();
    else this.take(reply);
  }

  onEvent(event: RoomEvent): void {
    if (isDurable(event)) {
      this.applyAll(this.sequencer.push(event));
      if (this.sequencer.hasHole) void this.sync();
      return;
    }
    this.signal(event);
    this.changed();
  }

  onOutbox(): void {
    void this.client.drafts(this.room, this.me.uid).then((drafts) => {
      this.drafts = this.withoutArrived(drafts);
      this.changed();
    });
  }

  onSent(draft: Draft, reply: SendReply): void {
    if (draft.room !== this.room || draft.user !== this.me.uid || this.known.has(reply.seq)) return;
    // Shown at its place at once; the event that follows carries the same number and replaces it.
    this.known.set(reply.seq, {
      seq: reply.seq,
      rev: 0,
      uid: reply.uid,
      kind: "chat",
      sender: { ...this.me, role: this.standing.role },
      text: draft.text,
      at: reply.at,
      edited_at: null,
      deleted: false,
      client_id: draft.clientId,
    });
    this.sort();
    this.drafts = this.drafts.filter((other) => other.clientId !== draft.clientId);
    this.changed();
  }

  private position(): { epoch: string; seq: number } {
    return { epoch: this.sequencer.epoch, seq: this.sequencer.last };
  }

  private sync(): Promise<void> {
    return this.catchUp("room.sync", { since: this.sequencer.last });
  }

  private async catchUp(op: string, d: unknown): Promise<void> {
    if (this.syncing || this.ended) return;
    this.syncing = true;
    try {
      this.take(await this.client.request<JoinReply>(op, this.room, d));
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      // A lost line brings a new attempt with the next connection.
      if (error.code !== "disconnected") this.refused(error);
    } finally {
      this.syncing = false;
    }
    if (this.sequencer.hasHole && this.isLive) setTimeout(() => void this.sync(), 250);
  }

  private refused(error: ChatError): void {
    if (FINAL_REFUSALS.has(error.code)) this.ended = { code: 4500, reason: error.code, room: this.room };
    else setTimeout(() => this.attach(), error.retryAfterMs ?? ATTACH_AGAIN_MS);
    this.changed();
  }

  private take(reply: JoinReply): void {
    if (reply.mode === "resumed") {
      this.sequencer.epoch = reply.epoch;
      this.online = reply.online;
      this.applyAll(this.sequencer.resume(reply.events, reply.head));
    } else {
      this.startOver(reply);
    }
    this.changed();
  }

  private startOver(snapshot: Snapshot): void {
    this.known.clear();
    for (const message of snapshot.messages) this.known.set(message.seq, message);
    this.info = snapshot.room;
    this.standing = snapshot.me;
    this.online = snapshot.online;
    this.provisional = [];
    this.hasOlder = snapshot.has_more ?? snapshot.messages.length > 0;
    this.applyAll(this.sequencer.reset(snapshot.epoch, snapshot.head));
    this.sort();
  }

  private applyAll(events: readonly DurableEvent[]): void {
    if (!events.length) return;
    for (const event of events) this.apply(event);
    this.sort();
    this.drafts = this.withoutArrived(this.drafts);
    this.changed();
  }

  private apply(event: DurableEvent): void {
    if (event.ev.startsWith("message.")) {
      const message = event.d as Message;
      // A change of a message further back than this page reaches is read when the person scrolls there.
      const oldest = this.messages[0]?.seq ?? 0;
      if (this.known.has(message.seq) || message.seq > oldest || !this.hasOlder) this.put(message);
    } else if (event.ev === "room.changed" || event.ev === "room.cleared") {
      this.info = { ...this.info, ...(event.d as Room) };
      for (const seq of this.known.keys()) if (seq <= this.info.cleared_seq) this.known.delete(seq);
    } else if (event.ev === "member.changed") {
      this.applyMember(event.d as Person & Standing & { removed: boolean });
    }
  }

  private applyMember(member: Person & Standing & { removed: boolean }): void {
    if (member.uid !== this.me.uid) return;
    this.standing = { ...this.standing, role: member.role, muted_until: member.muted_until };
  }

  private signal(event: RoomEvent): void {
    if (event.ev === "presence.count") {
      this.online = (event.d as { online: number }).online;
    } else if (event.ev === "message.provisional") {
      const waiting = event.d as Provisional;
      if (!this.provisional.some((other) => other.uid === waiting.uid)) {
        this.provisional = [...this.provisional, waiting];
      }
    } else if (event.ev === "notice") {
      this.notice = (event.d as { text?: string }).text ?? null;
    } else if (event.ev === "bye") {
      this.ended = event.d as Bye;
    }
  }

  private put(message: Message): void {
    if (message.seq <= this.info.cleared_seq) return;
    const known = this.known.get(message.seq);
    if (known && known.rev > message.rev) return;
    this.known.set(message.seq, message);
    this.provisional = this.provisional.filter((waiting) => waiting.uid !== message.uid);
    // The server has it now: the copy in the outbox has done its work.
    if (message.client_id && this.drafts.some((draft) => draft.clientId === message.client_id)) {
      void this.client.discard(message.client_id);
    }
  }

  private withoutArrived(drafts: Draft[]): Draft[] {
    const arrived = new Set(this.messages.map((message) => message.client_id));
    return drafts.filter((draft) => !arrived.has(draft.clientId));
  }

  private sort(): void {
    this.messages = [...this.known.values()].sort((a, b) => a.seq - b.seq);
  }

  private changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}
