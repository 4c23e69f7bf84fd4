// Written by `make format` of core/aggregate_functions.py; a test holds it to that. A page tells of those
// that its project adds (page_aggregates.js). "{unit}" is the KPI's; so is "{counted}", except measures.

export const MEASURES = new Set(["%", "‰", "percent", "ppm", "s", "sec", "second", "seconds", "ms", "millisecond", "milliseconds", "µs", "ns", "min", "minute", "minutes", "h", "hour", "hours", "d", "day", "days", "week", "weeks", "month", "months", "year", "years", "bit", "bits", "b", "byte", "bytes", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "tib", "ml", "l", "litre", "litres", "liter", "liters", "m²", "m³", "mm", "cm", "m", "metre", "metres", "meter", "meters", "km", "mile", "miles", "mg", "g", "kg", "t", "tonne", "tonnes", "ton", "tons", "°c", "°f", "k", "degrees", "w", "kw", "mw", "wh", "kwh", "mwh", "v", "a", "hz", "khz", "mhz", "ghz", "db", "pa", "hpa", "bar", "€", "eur", "euro", "euros", "$", "usd", "dollar", "dollars", "£", "gbp", "chf", "cents"]);

export const TABLE = {
  mean: {"label": "mean", "unit": "{unit}", "on_scale": true, "in_browser": true},
  count: {"label": "number of points", "unit": "{counted}", "on_scale": false, "in_browser": true},
  sum: {"label": "sum", "unit": "{unit}", "on_scale": false, "in_browser": false},
  min: {"label": "minimum", "unit": "{unit}", "on_scale": true, "in_browser": false},
  max: {"label": "maximum", "unit": "{unit}", "on_scale": true, "in_browser": false},
  p50: {"label": "median", "unit": "{unit}", "on_scale": true, "in_browser": false},
  p90: {"label": "90th percentile", "unit": "{unit}", "on_scale": true, "in_browser": false},
  p95: {"label": "95th percentile", "unit": "{unit}", "on_scale": true, "in_browser": false},
  p99: {"label": "99th percentile", "unit": "{unit}", "on_scale": true, "in_browser": false},
  rate_per_hour: {"label": "rate per hour", "unit": "{counted} per hour", "on_scale": false, "in_browser": true},
  share_above: {"label": "share above a value", "unit": "%", "on_scale": false, "in_browser": false},
  share_within: {"label": "share up to a value", "unit": "%", "on_scale": false, "in_browser": false},
  mean_change_day: {"label": "change of the mean against a day before", "unit": "%", "on_scale": false, "in_browser": false},
  mean_change_week: {"label": "change of the mean against a week before", "unit": "%", "on_scale": false, "in_browser": false},
  rate_change_day: {"label": "change of the rate against a day before", "unit": "%", "on_scale": false, "in_browser": false},
  rate_change_week: {"label": "change of the rate against a week before", "unit": "%", "on_scale": false, "in_browser": false},
  time_until_above: {"label": "time until it is above a value, by trend", "unit": "seconds", "on_scale": false, "in_browser": false},
  time_until_below: {"label": "time until it is below a value, by trend", "unit": "seconds", "on_scale": false, "in_browser": false},
};

/** Adds the aggregates that a page tells of. */
export const learn = (more) => Object.assign(TABLE, more);

/** What is known of an aggregate; one that nobody has told of has values like the points. */
export function getAggregate(name) {
  if (Object.hasOwn(TABLE, name)) return TABLE[name];
  return { label: name, unit: "{unit}", on_scale: true, in_browser: false };
}
