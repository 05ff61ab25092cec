/** Pointer, wheel and pinch on the map, as positions and factors. For `{@attach}`. */
interface Gestures {
  /** x: px from the left edge */
  point(x: number): void;
  leave(): void;
  click(x: number): void;
  /** moved by so many px */
  pan(dx: number): void;
  /** the view becomes `factor` times as wide around `x` */
  zoom(factor: number, x: number): void;
}

/** px that a press may move and still be a click */
const CLICK_WITHIN = 4;

/** @param zooms false: only pointing and clicking */
export function zoomable(gestures: Gestures, zooms: boolean): (node: HTMLElement) => () => void {
  return (node) => {
    const at = ({ clientX }: { clientX: number }) => clientX - node.getBoundingClientRect().left;
    /** pressed pointers, by id: where they are */
    const pressed = new Map<number, number>();
    let travelled = 0;
    let frame = 0;

    const soon = (work: () => void) => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(work);
    };
    const down = (event: PointerEvent) => {
      if (event.button !== 0) return;
      pressed.set(event.pointerId, at(event));
      travelled = 0;
    };
    const move = (event: PointerEvent) => {
      const x = at(event);
      const before = pressed.get(event.pointerId);
      if (before === undefined) return soon(() => gestures.point(x));
      travelled += Math.abs(x - before);
      if (!zooms || travelled <= CLICK_WITHIN) return;
      if (pressed.size === 1 && !node.hasPointerCapture(event.pointerId))
        node.setPointerCapture(event.pointerId);
      const apart = spread(pressed);
      pressed.set(event.pointerId, x);
      if (pressed.size === 1) gestures.pan(x - before);
      else gestures.zoom(apart / Math.max(1, spread(pressed)), middle(pressed));
    };
    const up = (event: PointerEvent) => {
      const wasPressed = pressed.delete(event.pointerId);
      if (wasPressed && travelled <= CLICK_WITHIN && pressed.size === 0) gestures.click(at(event));
    };
    const gone = (event: PointerEvent) => {
      pressed.delete(event.pointerId);
      cancelAnimationFrame(frame);
      gestures.leave();
    };
    const wheel = (event: WheelEvent) => {
      if (!zooms) return;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        gestures.zoom(2 ** (event.deltaY / 200), at(event));
      } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        gestures.pan(-event.deltaX);
      }
    };
    node.addEventListener('pointerdown', down);
    node.addEventListener('pointermove', move);
    node.addEventListener('pointerup', up);
    node.addEventListener('pointercancel', gone);
    node.addEventListener('pointerleave', gone);
    node.addEventListener('wheel', wheel, { passive: false });
    return () => {
      cancelAnimationFrame(frame);
      for (const [kind, listener] of Object.entries({ pointerdown: down, pointermove: move, pointerup: up }))
        node.removeEventListener(kind as 'pointerdown', listener);
      node.removeEventListener('pointercancel', gone);
      node.removeEventListener('pointerleave', gone);
      node.removeEventListener('wheel', wheel);
    };
  };
}

function spread(points: ReadonlyMap<number, number>): number {
  const xs = [...points.values()];
  return Math.max(...xs) - Math.min(...xs);
}

function middle(points: ReadonlyMap<number, number>): number {
  const xs = [...points.values()];
  return xs.reduce((sum, x) => sum + x, 0) / xs.length;
}
