/** The shapes on a canvas, for maps of more shapes than SVG carries well. The styles are those of map.css. */
import type { Shape } from './shapes.ts';

const SVG = 'http://www.w3.org/2000/svg';

interface Style {
  readonly fill: string | null;
  readonly stroke: string | null;
  readonly lineWidth: number;
  readonly dash: readonly number[];
  readonly alpha: number;
  readonly font: string;
}

/** @param probe an SVG element in the document: shapes are put into it for a moment to learn their styles */
export function drawOnCanvas(canvas: HTMLCanvasElement, probe: SVGElement, shapes: readonly Shape[]): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  const ratio = window.devicePixelRatio;
  const { clientWidth, clientHeight } = canvas;
  canvas.width = Math.round(clientWidth * ratio);
  canvas.height = Math.round(clientHeight * ratio);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const styles = new Map<string, Style>();
  for (const shape of shapes) {
    const style = styles.get(shape.paint) ?? styleOf(probe, shape);
    styles.set(shape.paint, style);
    drawShape(context, shape, style);
  }
}

function styleOf(probe: SVGElement, shape: Shape): Style {
  const element = document.createElementNS(SVG, shape.kind);
  element.setAttribute('class', shape.paint);
  probe.append(element);
  const style = getComputedStyle(element);
  const result: Style = {
    fill: style.fill === 'none' ? null : style.fill,
    stroke: style.stroke === 'none' ? null : style.stroke,
    lineWidth: Number.parseFloat(style.strokeWidth) || 1,
    dash: (style.strokeDasharray.match(/[\d.]+/g) ?? []).map(Number),
    alpha: Number(style.opacity),
    font: `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`,
  };
  element.remove();
  return result;
}

function drawShape(context: CanvasRenderingContext2D, shape: Shape, style: Style): void {
  context.globalAlpha = shape.kind === 'rect' ? (shape.opacity ?? style.alpha) : style.alpha;
  context.lineWidth = style.lineWidth;
  context.setLineDash([...style.dash]);
  if (style.fill !== null) context.fillStyle = style.fill;
  if (style.stroke !== null) context.strokeStyle = style.stroke;
  if (shape.kind === 'text') {
    context.font = style.font;
    context.textAlign = shape.anchor === 'middle' ? 'center' : shape.anchor;
    if (style.fill !== null) context.fillText(shape.text, shape.x, shape.y);
    return;
  }
  const path = pathOf(shape);
  if (style.fill !== null) context.fill(path);
  if (style.stroke !== null) context.stroke(path);
}

function pathOf(shape: Exclude<Shape, { kind: 'text' }>): Path2D {
  if (shape.kind === 'path') return new Path2D(shape.d);
  const path = new Path2D();
  path.roundRect(shape.x, shape.y, shape.width, shape.height, shape.radius ?? 0);
  return path;
}
