/** What is in view: all of a small graph at first, the beginning of a large one; then whatever somebody asks for. */

import type { ReactFlowInstance, Viewport } from "@xyflow/react";
import { getViewportForBounds, useReactFlow, useStoreApi } from "@xyflow/react";
import { useEffect } from "react";
import { isNarrow, isStill } from "../base/place";
import { direction } from "../locale/locale";
import { graphAt, positionsOf } from "../document/scope";
import { SOURCE } from "../document/types";
import type { EditorStore } from "../editor/store";
import { useEditor, useEditorContext } from "../editor/store";
import { GRID, MOST_DRAWN, NODE_HEIGHT, NODE_WIDTH } from "./geometry";
import { MAP_ROOM, isBelowMap, isMapped } from "./map";

/** The width that the panels at the sides take. */
const PANEL_WIDTH = 400;
/** What the panels take on narrow screens, as in editor.css. */
const DRAWER_SHARE = 0.62;
const DRAWER_HEIGHT = 560;
const READABLE_ZOOM = 0.5;
const READABLE_RUN = 0.6;
const EDGE = 48;
/** What stays free around what cannot be changed, and what its short bar takes of the width. */
const RUN_EDGE = 28;
const RUN_BAR = 210;
/** The bar at the lower edge, and what hangs below the last steps where more can be added to them. */
const BAR = 96;
const ADDERS = 40;
const BAR_ROOM = 72;

export function useCanvasView(): void {
  const { store } = useEditorContext();
  const flow = useReactFlow();
  const flowStore = useStoreApi();
  const scope = useEditor((state) => state.scope);
  const wish = useEditor((state) => state.viewWish);
  const panel = useEditor((state) => state.panel);
  const selection = useEditor((state) => state.selection);

  useEffect(() => {
    const centre = (): { x: number; y: number } => {
      const { width, height, transform } = flowStore.getState();
      const [x, y, zoom] = transform;
      const free = freeRoom(store, width, height);
      const middle = direction() === "rtl" ? width - free.width / 2 : free.width / 2;
      return { x: (middle - x) / zoom - NODE_WIDTH / 2, y: (free.height / 2 - y) / zoom - NODE_HEIGHT / 2 };
    };
    const reveal = (ids: readonly string[]): void => {
      const { history, scope: here, isReadOnly } = store.getState();
      const all = positionsOf(history.present, here);
      const places = ids.flatMap((id) => all.get(id) ?? []);
      if (places.length === 0) return;
      const { width, height, transform } = flowStore.getState();
      const [x, y, zoom] = transform;
      const free = freeRoom(store, width, height);
      const start = direction() === "rtl" ? width - free.width : 0;
      const [xs, ys] = [places.map((place) => place.x), places.map((place) => place.y)];
      const across = [Math.min(...xs) * zoom + x, (Math.max(...xs) + NODE_WIDTH) * zoom + x] as const;
      const below = NODE_HEIGHT + (isReadOnly ? 0 : ADDERS);
      const down = [Math.min(...ys) * zoom + y, (Math.max(...ys) + below) * zoom + y] as const;
      // The bar at the lower edge lies above a panel that stands there.
      const bottom = free.height < height || isReadOnly ? free.height : height - BAR_ROOM;
      const moved = { x: x + into(across, [start, start + free.width]), y: y + into(down, [0, bottom]), zoom };
      if (moved.x !== x || moved.y !== y) void flow.setViewport(moved, { duration: moveMs() });
    };
    const fit = (isAll = true): void => {
      void flow.setViewport(firstView(store, flow, flowStore.getState(), isAll), { duration: moveMs() });
    };
    store.setState({ canvas: { centre, fit, reveal } });
    return () => store.setState({ canvas: undefined });
  }, [store, flow, flowStore]);

  useEffect(() => {
    if (!flow.viewportInitialized) return; // then this comes again
    const positions = positionsOf(store.getState().history.present, scope);
    // Fitting a large graph would draw all of it at once, too small to read.
    if (positions.size > MOST_DRAWN) {
      const start = positions.get(SOURCE) ?? { x: 0, y: 0 };
      void flow.setCenter(start.x + NODE_WIDTH / 2, start.y + 5 * NODE_HEIGHT, { zoom: 1 });
    } else void flow.setViewport(firstView(store, flow, flowStore.getState()));
  }, [store, flow, flowStore, scope]);

  // A panel that opens must not cover the step that it is about, nor the ends of a connection.
  useEffect(() => {
    const [id, ...others] = selection.actions;
    const { history, scope: here } = store.getState();
    if (panel !== "none" && id === undefined && selection.edges.size === 1) {
      const edge = graphAt(history.present, here).edges.find((each) => selection.edges.has(each.id));
      if (edge !== undefined) store.getState().canvas?.reveal([edge.from, edge.to]);
    }
    const position = id === undefined || others.length > 0 ? undefined : positionsOf(history.present, here).get(id);
    if (position === undefined || panel === "none") return;
    const { width, height, transform } = flowStore.getState();
    const [x, y, zoom] = transform;
    const free = freeRoom(store, width, height);
    const aside = sideways(position.x, { x, zoom, covered: width - free.width, width });
    const down = Math.max((position.y + NODE_HEIGHT) * zoom + y + GRID - free.height, 0);
    if (aside !== 0 || down > 0) void flow.setViewport({ x: x - aside, y: y - down, zoom }, { duration: moveMs() });
  }, [store, flow, flowStore, panel, selection]);

  useEffect(() => {
    if (wish === undefined) return;
    const { history, scope: here } = store.getState();
    const position = positionsOf(history.present, here).get(wish.id);
    if (position === undefined) return;
    const zoom = Math.max(flow.getZoom(), 0.7);
    const aside = ((direction() === "rtl" ? -1 : 1) * panelWidth(store)) / 2 / zoom;
    void flow.setCenter(position.x + NODE_WIDTH / 2 + aside, position.y + NODE_HEIGHT / 2, {
      zoom,
      duration: moveMs(),
    });
  }, [store, flow, wish]);
}

function moveMs(): number {
  return isStill() ? 0 : 250;
}

type Span = readonly [start: number, end: number];

/** How far a span has to move to be inside of another one; the start of one that is too long. */
function into([start, end]: Span, [from, to]: Span): number {
  if (start < from + GRID || end - start > to - from - 2 * GRID) return from + GRID - start;
  return Math.min(to - GRID - end, 0);
}

/** How far the drawing has to move so that a node is not behind a panel at the end of the line. */
function sideways(
  left: number,
  { x, zoom, covered, width }: { x: number; zoom: number; covered: number; width: number },
): number {
  if (direction() === "rtl") return Math.min(left * zoom + x - GRID - covered, 0);
  return Math.max((left + NODE_WIDTH) * zoom + x + GRID - (width - covered), 0);
}

/** The part of the canvas that no panel covers: panels stand at the right, or on narrow screens below. */
function freeRoom(store: EditorStore, width: number, height: number): { width: number; height: number } {
  if (store.getState().panel === "none") return { width, height };
  if (!isNarrow()) return { width: width - PANEL_WIDTH, height };
  return { width, height: height - drawerHeight(store, height) };
}

/** What a panel at the lower edge of a narrow screen covers. */
function drawerHeight(store: EditorStore, height: number): number {
  if (store.getState().panel === "none" || !isNarrow()) return 0;
  return Math.min(height * DRAWER_SHARE, DRAWER_HEIGHT);
}

function panelWidth(store: EditorStore): number {
  return store.getState().panel !== "none" && !isNarrow() ? PANEL_WIDTH : 0;
}

/** All of a graph, or as much of it as can be read: of what is too tall the beginning, not the middle. */
export function firstView(
  store: EditorStore,
  flow: ReactFlowInstance,
  { width, height, minZoom }: Size,
  isAll = false,
): Viewport {
  const { isReadOnly } = store.getState();
  const padding = roomAround(store, flow, { width, height, minZoom });
  // A run is there to be read, and a telephone has little room: rather a part of it than boxes without words.
  const least = isAll ? minZoom : isNarrow() ? READABLE_ZOOM : isReadOnly ? READABLE_RUN : minZoom;
  const bounds = flow.getNodesBounds(flow.getNodes());
  const view = getViewportForBounds(bounds, width, height, least, 1, padding);
  const top = bounds.y * view.zoom + view.y;
  return top < 0 ? { ...view, y: view.y - top + parseInt(padding.top) } : view;
}

interface Size {
  readonly width: number;
  readonly height: number;
  readonly minZoom: number;
}

type Padding = ReturnType<typeof paddingFor>;

/** What must stay free at the edges: less where nothing is beside the bar, at the left more if nodes were below the map. */
function roomAround(store: EditorStore, flow: ReactFlowInstance, { width, height, minZoom }: Size): Padding {
  const positions = positionsOf(store.getState().history.present, store.getState().scope);
  const padding = paddingFor(store, height);
  const bounds = flow.getNodesBounds(flow.getNodes());
  if (store.getState().isReadOnly) {
    const closer = { ...padding, top: `${RUN_EDGE}px`, bottom: `${RUN_EDGE}px` } as const;
    const { zoom } = getViewportForBounds(bounds, width, height, minZoom, 1, closer);
    const isBesideBar = (width - bounds.width * zoom) / 2 > RUN_BAR;
    return isBesideBar && store.getState().panel === "none" ? closer : padding;
  }
  if (!isMapped(positions.size)) return padding;
  const view = getViewportForBounds(bounds, width, height, minZoom, 1, padding);
  return isBelowMap(positions.values(), view, height) ? { ...padding, left: `${MAP_ROOM}px` } : padding;
}

/** What must stay free at the edges: of panels, of the bar, and of what hangs below the last step. */
function paddingFor(
  store: EditorStore,
  height: number,
): {
  top: `${number}px`;
  right: `${number}px`;
  bottom: `${number}px`;
  left: `${number}px`;
} {
  const end = `${panelWidth(store) + 2 * GRID}px` as const;
  const edge = `${EDGE}px` as const;
  const [left, right] = direction() === "rtl" ? [end, edge] : [edge, end];
  const drawer = drawerHeight(store, height);
  const bar = store.getState().isReadOnly ? BAR : BAR + ADDERS;
  return { top: edge, right, bottom: `${drawer > 0 ? drawer + EDGE : bar}px`, left };
}
