// What was drawn, for the command that takes the picture and checks it.
import { FieldType, LoadingState } from '@grafana/data';
import { sceneGraph, VizPanel, type EmbeddedScene } from '@grafana/scenes';

declare global {
  interface Window {
    look: () => Look;
  }
}

interface Look {
  settled: boolean; // all queries have been answered
  error?: string; // of the page itself
  height: number; // of the whole page, in CSS pixels
  panels: PanelFacts[];
}

interface PanelFacts {
  id: number;
  type: string;
  title: string;
  errors: string[];
  values: number; // finite numbers, of all series
  empty: boolean; // the panel says that there is no data
  legend: string[]; // entries
  hidden: string[]; // those of them that are not wholly to be seen
}

export function facts(scene: EmbeddedScene): Look {
  const panels = sceneGraph.findAllObjects(scene, (o) => o instanceof VizPanel) as VizPanel[];
  return {
    settled: panels.every((p) => answered(p)),
    height: document.documentElement.scrollHeight,
    panels: panels.map(panelFacts),
  };
}

function answered(p: VizPanel): boolean {
  if (p.state.pluginId === 'text' || p.state._pluginLoadError) {
    return true;
  }
  const state = sceneGraph.getData(p).state.data?.state;
  return state === LoadingState.Done || state === LoadingState.Error;
}

function panelFacts(p: VizPanel): PanelFacts {
  const data = sceneGraph.getData(p).state.data;
  const element = document.querySelector<HTMLElement>(`[data-viz-panel-key="${p.state.key}"]`);
  const errors = [p.state._pluginLoadError, ...(data?.errors ?? []).map((e) => e.message)];
  for (const alert of element?.querySelectorAll<HTMLElement>('[role="alert"]') ?? []) {
    errors.push(alert.innerText);
  }
  let values = 0;
  for (const field of (data?.series ?? []).flatMap((frame) => frame.fields)) {
    if (field.type !== FieldType.time) {
      values += field.values.filter((v) => typeof v === 'string' || Number.isFinite(v)).length;
    }
  }
  const entries = legendEntries(element);
  const name = (e: HTMLElement) => e.querySelector('button')?.title || e.innerText;
  return {
    id: p.getLegacyPanelId(),
    type: p.state.pluginId,
    title: p.state.title,
    errors: errors.filter((e): e is string => Boolean(e)),
    values,
    empty: Boolean(element?.querySelector('[data-no-data]')),
    legend: entries.map(name),
    hidden: entries.filter((e) => !whole(e, element!) || shortened(e)).map(name),
  };
}

// legendEntries are the items of a list, or the rows of a table: each has the colour of
// its series.
function legendEntries(element: HTMLElement | null): HTMLElement[] {
  return [...(element?.querySelectorAll<HTMLElement>('[data-testid="series-icon"]') ?? [])].map(
    (icon) => icon.closest<HTMLElement>('tr, [data-testid^="data-testid VizLegend series"]') ?? icon
  );
}

// shortened: the name of an entry ends in "…" for want of room.
function shortened(entry: HTMLElement): boolean {
  const label = entry.querySelector('button');
  return Boolean(label && label.scrollWidth > label.clientWidth + 1);
}

// whole: the texts of an element are within all that clips them, up to its panel.
function whole(element: HTMLElement, panel: HTMLElement): boolean {
  const texts = textsOf(element);
  for (let around = element.parentElement; around; around = around.parentElement) {
    const clips = around === panel || getComputedStyle(around).overflow !== 'visible';
    const box = around.getBoundingClientRect();
    // A pixel is rounding, and the room that a line of text has around it.
    const within = (r: DOMRect) => r.top >= box.top - 1 && r.bottom <= box.bottom + 1 && r.left >= box.left - 1 && r.right <= box.right + 1;
    if (clips && !texts.every(within)) {
      return false;
    }
    if (around === panel) {
      return true;
    }
  }
  return true;
}

function textsOf(element: HTMLElement): DOMRect[] {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const found: DOMRect[] = [];
  while (walker.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    if (walker.currentNode.textContent?.trim()) {
      found.push(range.getBoundingClientRect());
    }
  }
  return found;
}
