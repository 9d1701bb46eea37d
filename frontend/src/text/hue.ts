const HUES = 8;

/** Returns the class of a person's or room's hue. chat/templatetags/rooms.py does the same sum on the server. */
export function hueClass(uid: string): string {
  let sum = 0;
  for (const character of uid) sum = (sum * 31 + character.codePointAt(0)!) % 9973;
  return `hue-${sum % HUES}`;
}

/** Returns the first visible character of a name, whole even when it is an emoji of several code points. */
export function initial(name: string): string {
  const text = name.trim();
  if (typeof Intl.Segmenter === "function") {
    for (const { segment } of new Intl.Segmenter().segment(text)) return segment.toLocaleUpperCase();
  }
  return (Array.from(text)[0] ?? "?").toLocaleUpperCase();
}

/** Returns the short tag that tells namesakes apart. */
export function shortTag(uid: string): string {
  return `#${uid.slice(0, 4)}`;
}
