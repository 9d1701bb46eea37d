import { aged, type Draft, isForgotten, nextTurn, refused } from "./outbox.ts";
import type { OutboxStore } from "./outbox-store.ts";
import { ChatError, disconnected, type SendReply } from "./protocol.ts";

interface SenderOptions {
  store: OutboxStore;
  /** Sends one draft over the line. */
  send(draft: Draft): Promise<SendReply>;
  onSent(draft: Draft, reply: SendReply): void;
  onChanged(): void;
}

/** Works through the outbox of one person, in the leading tab, while the line is open. */
export class Sender {
  private busy = new Set<string>();
  private confirmed = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private user: string | null = null;

  constructor(private readonly options: SenderOptions) {}

  /** Begins with a new connection: whatever the last one left without an answer is asked again. */
  start(user: string): void {
    this.user = user;
    this.confirmed.clear();
    void this.pump();
  }

  stop(): void {
    this.user = null;
    this.busy.clear();
    clearTimeout(this.timer);
  }

  /** Sends what is due. Called after every change of the outbox. */
  async pump(): Promise<void> {
    const user = this.user;
    if (!user) return;
    const drafts = await this.present(user);
    if (this.user !== user) return;
    const turn = nextTurn(drafts, Date.now(), this.busy, this.confirmed);
    for (const draft of turn.send) {
      this.busy.add(draft.room);
      void this.deliver(draft);
    }
    clearTimeout(this.timer);
    if (turn.wakeAt !== null)
      this.timer = setTimeout(() => void this.pump(), Math.max(50, turn.wakeAt - Date.now()));
  }

  private async present(user: string): Promise<Draft[]> {
    const now = Date.now();
    const present: Draft[] = [];
    for (const draft of await this.options.store.all()) {
      if (isForgotten(draft, now)) await this.options.store.delete(draft.clientId);
      else if (draft.user === user) present.push(await this.checkAge(draft, now));
    }
    return present;
  }

  private async checkAge(draft: Draft, now: number): Promise<Draft> {
    // What waits for the server's permission was sent in time; only silence makes a message stale.
    const checked = draft.tries > 0 && draft.notBefore > 0 ? draft : aged(draft, now);
    if (checked !== draft) {
      await this.options.store.update(checked);
      this.options.onChanged();
    }
    return checked;
  }

  private async deliver(draft: Draft): Promise<void> {
    try {
      await this.answered(draft, await this.options.send(draft));
    } catch (error) {
      const refusal = error instanceof ChatError ? error : disconnected();
      await this.options.store.update(refused(draft, refusal, Date.now()));
      this.options.onChanged();
    } finally {
      this.busy.delete(draft.room);
    }
    void this.pump();
  }

  private async answered(draft: Draft, reply: SendReply): Promise<void> {
    if (reply.state === "journaled") {
      this.confirmed.add(draft.clientId);
      await this.options.store.update({ ...draft, state: "journaled", reason: undefined, code: undefined });
    } else {
      await this.options.store.delete(draft.clientId);
      this.options.onSent(draft, reply);
    }
    this.options.onChanged();
  }
}
