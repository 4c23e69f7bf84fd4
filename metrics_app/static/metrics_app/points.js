// The points of the last hour behind the line of the large chart: one by one, or as a range with its mean.

import { arrow, calm, clampX, dot, toY } from "./canvas.js";
import { leaveOut, reach, thin } from "./hold.js";

const FEW = 2000; // points that are drawn one by one

/** Whether so much is held that a picture shows each second's mean and range in place of points. */
export const isDense = (hold) => hold.rows.length > 0 || hold.points.length > FEW;

/** The points themselves, faint, where the page holds them and they are of the line's kind. */
export function drawPoints(u, ctx, box, plot, held) {
  const hold = leaveOut(held, plot.marks);
  ctx.fillStyle = ctx.strokeStyle = calm("--points");
  if (isDense(hold)) drawBand(u, ctx, box, thin(hold, plot.start, plot.end, Math.max(1, Math.floor(box.width))));
  else for (const [ts, value] of hold.points) if (ts >= plot.start && ts <= plot.end) drawPoint(u, ctx, box, ts, value);
}

/** A point, or at the edge an arrow to where it lies: one stray must not flatten the line, nor be hidden. */
function drawPoint(u, ctx, box, ts, value) {
  const x = clampX(u, ts, box), y = toY(u, value), foot = box.top + box.height;
  if (y < box.top) arrow(ctx, x, box.top + 1, 6);
  else if (y > foot) arrow(ctx, x, foot - 1, -6);
  else dot(ctx, x, y);
}

/** From least to greatest, with a line through the means; a gap in the data is a gap in the line. */
function drawBand(u, ctx, box, columns) {
  ctx.globalAlpha = 0.5;
  const width = findWidth(columns);
  columns.forEach(([x, low, high], index) => {
    // Up to the next one and not beyond: where two overlapped a darker stripe would stand for nothing.
    const wide = Math.min(width + 1, (columns[index + 1]?.[0] ?? Infinity) - x);
    const top = toY(u, high);
    ctx.fillRect(box.left + x, top - 1, wide, Math.max(2, toY(u, low) - top));
  });
  ctx.globalAlpha = 1;
  ctx.lineWidth = 1;
  ctx.beginPath();
  let before = -Infinity;
  for (const [x, , , mean] of columns) {
    const to = [box.left + x + width / 2, toY(u, mean)];
    if (x - before > 2 * width + 1) ctx.moveTo(...to); else ctx.lineTo(...to);
    before = x;
  }
  ctx.stroke();
}

/** px from one column to the next, mostly: a second may be wider than a pixel. */
function findWidth(columns) {
  const steps = columns.slice(1).map(([x], index) => x - columns[index][0]).sort((one, other) => one - other);
  return steps[Math.floor(steps.length / 2)] ?? 2;
}

/** What the scale must hold of the points: nothing of a few, whose strays would flatten the line. */
export function listHeld({ plot, hold: held }) {
  const hold = held && leaveOut(held, plot.marks);
  return hold && isDense(hold) ? reach(thin(hold, plot.start, plot.end, 500)) : [];
}
