// Numbers of things in words, as metrics_app/core/text/counts.py writes them. No document, no clock.

/** "1 breach", "4 breaches", "no breach"; `many` where it is not `one` with an s. */
export function countWords(number, one, many = `${one}s`) {
  return number ? `${number.toLocaleString("en-US")} ${number === 1 ? one : many}` : `no ${one}`;
}
