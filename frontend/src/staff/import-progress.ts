// How far an import is. Without this file the page loads itself anew; with it the bar moves.

interface Progress {
  is_running: boolean;
  percent: number | null;
  line: string;
  state: string;
}

const EVERY_MS = 300;
const SLOWEST_MS = 15_000;

async function ask(url: string): Promise<Progress | null> {
  try {
    const response = await fetch(url, { headers: { Accept: "application/json" } });
    // A session that has ended leads to a page to log in, which is no answer.
    return response.ok && !response.redirected ? await response.json() : null;
  } catch {
    // The network is away, or the server restarts: the import does not need this page to go on.
    return null;
  }
}

function show(box: HTMLElement, progress: Progress): void {
  const line = box.querySelector("[role=status]");
  const bar = box.querySelector("progress");
  // A line that stays the same is not read out again.
  if (line && line.textContent !== progress.line) line.textContent = progress.line;
  // Whoever has gone to another tab sees there how far it is.
  const title = document.title.replace(/^\d+ % · /, "");
  document.title = progress.percent === null ? title : `${progress.percent} % · ${title}`;
  if (!bar) return;
  if (progress.percent === null) bar.removeAttribute("value");
  else bar.value = progress.percent;
}

/** Ask until the import is at something else, which is another page. */
export function followImport(): void {
  const box = document.querySelector<HTMLElement>("[data-progress]");
  const url = box?.dataset.progress;
  if (!box || !url) return;
  let pause = EVERY_MS;
  const again = async (): Promise<void> => {
    const progress = document.hidden ? null : await ask(url);
    if (progress && (!progress.is_running || progress.state !== box.dataset.state)) {
      location.reload();
      return;
    }
    if (progress) show(box, progress);
    pause = progress || document.hidden ? EVERY_MS : Math.min(pause * 2, SLOWEST_MS);
    setTimeout(again, pause);
  };
  setTimeout(again, EVERY_MS);
}
