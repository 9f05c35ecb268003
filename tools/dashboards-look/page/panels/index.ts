// The panels that the page draws, by the type in a dashboard's JSON.
import { type PanelPlugin } from '@grafana/data';

import { barGauge } from './bargauge';
import { heatmap } from './heatmap';
import { stat } from './stat';
import { stateTimeline } from './statetimeline';
import { table } from './table';
import { text } from './text';
import { timeSeries } from './timeseries';

// Made when the registries of options are filled.
export const panels: Record<string, () => PanelPlugin> = {
  timeseries: timeSeries,
  stat,
  bargauge: barGauge,
  table,
  heatmap,
  'state-timeline': stateTimeline,
  text,
} as never;
