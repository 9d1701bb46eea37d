const locale = document.documentElement.lang || undefined;
// The reader's own language decides how a clock reads; the page's decides the words around it.
const clock = new Intl.DateTimeFormat(navigator.language, { hour: "numeric", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
const full = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });

export function clockTime(at: Date): string {
  return clock.format(at);
}

export function fullTime(at: Date): string {
  return full.format(at);
}

/** Returns "today", "yesterday" or the weekday with its date. */
export function dayName(at: Date, now = new Date()): string {
  const midnight = (day: Date): number =>
    new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
  const days = Math.round((midnight(at) - midnight(now)) / 86_400_000);
  if (days !== 0 && days !== -1) return weekday.format(at);
  const word = relative.format(days, "day");
  return word.charAt(0).toLocaleUpperCase() + word.slice(1);
}

/** Returns how long ago something was, in words: "12 minutes ago". */
export function ago(at: number, now = Date.now()): string {
  const minutes = Math.round((at - now) / 60_000);
  if (minutes > -60) return relative.format(minutes, "minute");
  const hours = Math.round(minutes / 60);
  return hours > -24 ? relative.format(hours, "hour") : relative.format(Math.round(hours / 24), "day");
}

/** Returns seconds as a countdown reads them: `8 s`, `2:05`. */
export function countdown(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const [minutes, rest] = [Math.floor(seconds / 60), String(seconds % 60).padStart(2, "0")];
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
