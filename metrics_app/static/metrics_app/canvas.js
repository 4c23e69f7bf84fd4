// Drawing on the canvas of a uPlot chart, in CSS pixels.

export const FONT = '"Source Sans Pro Web", sans-serif';

/** The value of a custom property of the page, such as a colour of its theme. */
export const calm = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Draws on the canvas between a save and a restore, in CSS pixels. */
export function paint(u, draw) {
  const ratio = devicePixelRatio;
  const { left, top, width, height } = u.bbox;
  u.ctx.save();
  u.ctx.scale(ratio, ratio);
  u.ctx.textBaseline = "alphabetic";
  draw(u.ctx, { left: left / ratio, top: top / ratio, width: width / ratio, height: height / ratio });
  u.ctx.restore();
}

/** px of a time (ms), not beyond the sides of the chart. */
export const clampX = (u, ms, box) => Math.min(Math.max(u.valToPos(ms / 1000, "x", true) / devicePixelRatio, box.left), box.left + box.width);

/** px of a value. */
export const toY = (u, value) => u.valToPos(value, "y", true) / devicePixelRatio;

export function line(ctx, x1, y1, x2, y2) {
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
}

export function dot(ctx, x, y) {
  ctx.beginPath();
  ctx.arc(x, y, 2, 0, 7);
  ctx.fill();
}

/** A triangle whose tip is at `tip`, pointing up where `long` is positive. */
export function arrow(ctx, x, tip, long) {
  ctx.beginPath();
  ctx.moveTo(x, tip);
  ctx.lineTo(x - 3.5, tip + long);
  ctx.lineTo(x + 3.5, tip + long);
  ctx.fill();
}

/** A text that stays readable over lines. */
export function write(ctx, text, x, y) {
  const colour = ctx.fillStyle;
  ctx.save();
  ctx.setLineDash([]);
  ctx.lineWidth = 4;
  ctx.lineJoin = "round";
  ctx.strokeStyle = calm("--card");
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
  ctx.restore();
}
