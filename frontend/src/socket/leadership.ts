const NAME = "pavilion.line";
const LEASE_MS = 6000;
const RENEW_MS = 2000;

/**
 * Sees to it that one tab leads. `onChange(true)` is called when this tab takes over, `onChange(false)` when it gives
 * way. With Web Locks the browser hands over the moment a tab dies; without them (plain HTTP on a LAN) a lease in
 * localStorage does it within seconds. Two leaders for a moment are harmless: the server stores a client_id once.
 */
export class Leadership {
  isLeader = false;
  private release: (() => void) | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly tab: string,
    private readonly onChange: (leads: boolean) => void,
  ) {}

  start(): void {
    if (navigator.locks) this.queueForLock();
    else this.startLease();
  }

  /** Lets another tab lead and queues up behind it. */
  giveWay(): void {
    if (!this.isLeader) return;
    this.set(false);
    if (this.release) this.release();
    else localStorage.removeItem(NAME);
  }

  /** Gives up for good, when the page goes. */
  stop(): void {
    clearInterval(this.timer);
    this.giveWay();
  }

  private queueForLock(): void {
    const held = navigator.locks.request(NAME, () => {
      this.set(true);
      return new Promise<void>((resolve) => {
        this.release = resolve;
      });
    });
    held.then(
      () => setTimeout(() => this.queueForLock(), RENEW_MS),
      (error: unknown) => {
        console.warn("No lock to be had; falling back to a lease.", error);
        this.startLease();
      },
    );
  }

  private startLease(): void {
    this.renew();
    this.timer = setInterval(() => this.renew(), RENEW_MS);
    addEventListener("pagehide", () => this.stop());
    addEventListener("pageshow", (event) => {
      if (event.persisted) this.startLease();
    });
  }

  private renew(): void {
    const [holder, until] = (localStorage.getItem(NAME) ?? "").split(" ");
    const isFree = !holder || Number(until) < Date.now();
    if (holder === this.tab || isFree) localStorage.setItem(NAME, `${this.tab} ${Date.now() + LEASE_MS}`);
    // Whoever wrote last holds the lease; the others see it at their next look.
    this.set(localStorage.getItem(NAME)?.startsWith(`${this.tab} `) ?? false);
  }

  private set(leads: boolean): void {
    if (leads === this.isLeader) return;
    this.isLeader = leads;
    this.onChange(leads);
  }
}
