// The graph. TimeSeries is @grafana/ui's: scales, axes, stacking, thresholds, series
// and legend. Grafana's application has a newer copy of it, which is in no library.
// The marks of annotations are ours.
import { FieldType, PanelPlugin, type DataFrame, type PanelProps } from '@grafana/data';
import { type VizLegendOptions } from '@grafana/schema';
import { TimeSeries } from '@grafana/ui';
import { useMemo } from 'react';

import { custom, graphOptions, paletteColor } from '../fieldconfig';
import { Marks } from './marks';
import { NoData } from './nodata';

function Graph({ data, timeRange, timeZone, width, height, options, fieldConfig }: PanelProps<{ legend: VizLegendOptions }>) {
  const frames = useMemo(() => graphable(data.series), [data.series]);
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

// graphable are the frames with a time and a number. What is not finite is a gap.
function graphable(frames: DataFrame[]): DataFrame[] {
  return frames
    .filter((f) => f.length > 0 && f.fields.some((x) => x.type === FieldType.time) && f.fields.some((x) => x.type === FieldType.number))
    .map((f) => ({
      ...f,
      fields: f.fields.map((x) =>
        x.type === FieldType.number ? { ...x, values: x.values.map((v) => (Number.isFinite(v) ? v : null)) } : x
      ),
    }));
}

export const timeSeries = () =>
  new PanelPlugin(Graph)
    .useFieldConfig({ standardOptions: paletteColor as never, useCustomConfig: custom(graphOptions) as never })
    .setDataSupport({ annotations: true, alertStates: true });
