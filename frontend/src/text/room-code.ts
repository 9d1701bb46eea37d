/** The eight characters of a poster code: Crockford's alphabet leaves out I, L, O and U. */
const CROCKFORD = /^[0-9A-HJKMNP-TV-Z]{8}$/;
const SPOKEN = /^([a-z]+)[\s\-_.]+([a-z]+)[\s\-_.]*(\d{4})$/;

/**
 * Returns what was typed the way codes are printed, as a hint while typing: `Blue  Stage 4207` becomes
 * `blue-stage-4207`, `7k3q m9xt` becomes `7K3QM9XT`. Anything else is returned trimmed; the server decides.
 */
export function normaliseCode(typed: string): string {
  const text = typed.trim().normalize("NFKC");
  const spoken = SPOKEN.exec(text.toLowerCase());
  if (spoken) return `${spoken[1]}-${spoken[2]}-${spoken[3]}`;
  const poster = text
    .toUpperCase()
    .replace(/[\s\-_.]+/g, "")
    .replace(/O/g, "0")
    .replace(/[IL]/g, "1");
  return CROCKFORD.test(poster) ? poster : text;
}
