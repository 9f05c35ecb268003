// The graph. TimeSeries is @grafana/ui's: scales, axes, stacking, thresholds, series
// and legend. Grafana's application has a newer copy of it, which is in no library.
// The marks of annotations are ours.
import { FieldType, PanelPlugin, type DataFrame, type Field, type PanelProps, type TimeRange } from '@grafana/data';
import { type VizLegendOptions } from '@grafana/schema';
import { TimeSeries } from '@grafana/ui';
import { useMemo } from 'react';

import { custom, graphOptions, paletteColor } from '../fieldconfig';
import { Marks } from './marks';
import { NoData } from './nodata';

function Graph({ data, timeRange, timeZone, width, height, options, fieldConfig }: PanelProps<{ legend: VizLegendOptions }>) {
  const frames = useMemo(() => graphable(data.series, timeRange), [data.series, timeRange]);
  if (frames.length === 0) {
    return <NoData fieldConfig={fieldConfig} />;
  }
  return (
    <TimeSeries
      frames={frames}
      structureRev={data.structureRev}
      timeRange={timeRange}
      timeZone={timeZone}
      width={width}
      height={height}
      legend={options.legend}
      options={options}
    >
      {(config) => <Marks config={config} frames={data.annotations ?? []} />}
    </TimeSeries>
  );
}

// graphable are the frames with a time and a number. What is not finite is a gap, and
// so is what is missing: a line must not lead over it.
function graphable(frames: DataFrame[], range: TimeRange): DataFrame[] {
  return frames
    .filter((f) => f.length > 0 && f.fields.some((x) => x.type === FieldType.time) && f.fields.some((x) => x.type === FieldType.number))
    .map((f) => {
      const time = f.fields.find((x) => x.type === FieldType.time)!;
      const at = everyStep(time, range);
      return {
        ...f,
        length: at.length,
        fields: f.fields.map((x) => {
          const known = new Map<number, unknown>(time.values.map((t, i) => [t, x.values[i]]));
          const finite = (v: unknown) => x.type !== FieldType.number || Number.isFinite(v);
          return { ...x, values: x === time ? at : at.map((t) => (finite(known.get(t)) ? known.get(t) : null)) };
        }),
      };
    });
}

// everyStep are the times of a field, and those between and around them at which a
// value is missing.
function everyStep(time: Field, range: TimeRange): number[] {
  const step = time.config.interval;
  const [first] = time.values;
  if (!step) {
    return time.values;
  }
  const at = new Set<number>(time.values);
  for (let t = first - step * Math.floor((first - range.from.valueOf()) / step); t <= range.to.valueOf(); t += step) {
    at.add(t);
  }
  return [...at].sort((a, b) => a - b);
}

export const timeSeries = () =>
  new PanelPlugin(Graph)
    .useFieldConfig({ standardOptions: paletteColor as never, useCustomConfig: custom(graphOptions) as never })
    .setDataSupport({ annotations: true, alertStates: true });
