// States over time, a lane for each series. Grafana's is in no library: this one draws
// the lanes itself, on @grafana/ui's axes, with the colours and texts of @grafana/data.
import { FieldType, PanelPlugin, type DataFrame, type Field, type PanelProps, getFieldDisplayName } from '@grafana/data';
import { AxisPlacement, ScaleDirection, ScaleOrientation, type VizLegendOptions } from '@grafana/schema';
import { UPlotChart, UPlotConfigBuilder, useTheme2, VizLayout, VizLegend } from '@grafana/ui';
import { useMemo } from 'react';

import { custom, timelineOptions } from '../fieldconfig';
import { NoData } from './nodata';

interface Lane {
  name: string;
  times: number[];
  field: Field;
  step: number; // ms: how long the last value stands, and a gap that is none
}

function Lanes({ data, timeRange, timeZone, width, height, options, fieldConfig }: PanelProps<{ legend: VizLegendOptions; rowHeight?: number; showValue?: string }>) {
  const theme = useTheme2();
  const lanes = useMemo(() => lanesOf(data.series), [data.series]);
  const config = useMemo(() => {
    const builder = new UPlotConfigBuilder(timeZone);
    builder.addScale({
      scaleKey: 'x',
      isTime: true,
      orientation: ScaleOrientation.Horizontal,
      direction: ScaleDirection.Right,
      range: () => [timeRange.from.valueOf(), timeRange.to.valueOf()],
    });
    builder.addAxis({ scaleKey: 'x', isTime: true, placement: AxisPlacement.Bottom, timeZone, theme, grid: { show: false } });
    builder.addScale({
      scaleKey: 'y',
      orientation: ScaleOrientation.Vertical,
      direction: ScaleDirection.Down,
      range: () => [0, Math.max(1, lanes.length)],
    });
    builder.addAxis({
      scaleKey: 'y',
      placement: AxisPlacement.Left,
      theme,
      grid: { show: false },
      ticks: { show: false },
      splits: () => lanes.map((_, i) => i + 0.5),
      values: () => lanes.map((l) => l.name),
    });
    builder.addHook('draw', (u) => {
      const { ctx, bbox } = u;
      const each = bbox.height / Math.max(1, lanes.length);
      const thick = each * (options.rowHeight ?? 0.9);
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      lanes.forEach((lane, row) => {
        const y = bbox.top + row * each + (each - thick) / 2;
        for (const [from, to, value] of runs(lane)) {
          const shown = lane.field.display!(value);
          const left = u.valToPos(from, 'x', true);
          ctx.fillStyle = shown.color ?? theme.colors.text.secondary;
          ctx.globalAlpha = (lane.field.config.custom?.fillOpacity ?? 70) / 100;
          ctx.fillRect(left, y, u.valToPos(to, 'x', true) - left, thick);
        }
      });
      ctx.restore();
    });
    return builder;
  }, [lanes, timeRange, timeZone, theme, options.rowHeight]);
  if (lanes.length === 0) {
    return <NoData fieldConfig={fieldConfig} />;
  }
  const legend = options.legend?.showLegend ? (
    <VizLayout.Legend placement={options.legend.placement}>
      <VizLegend placement={options.legend.placement} displayMode={options.legend.displayMode} items={states(lanes)} />
    </VizLayout.Legend>
  ) : undefined;
  return (
    <VizLayout width={width} height={height} legend={legend}>
      {(width: number, height: number) => <UPlotChart config={config} data={[[timeRange.from.valueOf(), timeRange.to.valueOf()]]} width={width} height={height} />}
    </VizLayout>
  );
}

function lanesOf(frames: DataFrame[]): Lane[] {
  return frames.flatMap((frame) => {
    const time = frame.fields.find((f) => f.type === FieldType.time);
    return frame.fields
      .filter((f) => time && f !== time)
      .map((field) => ({
        name: getFieldDisplayName(field, frame, frames),
        times: time!.values,
        field,
        step: time!.config.interval ?? 0,
      }));
  });
}

// runs joins neighbours with the same text: begin, end, value.
function runs(lane: Lane): Array<[number, number, unknown]> {
  const joined: Array<[number, number, unknown]> = [];
  lane.times.forEach((t, i) => {
    const value = lane.field.values[i];
    if (value === null || value === undefined) {
      return;
    }
    const last = joined[joined.length - 1];
    const text = (v: unknown) => lane.field.display!(v).text;
    if (last && t <= last[1] && text(last[2]) === text(value)) {
      last[1] = t + lane.step;
    } else {
      joined.push([t, t + lane.step, value]);
    }
  });
  return joined;
}

function states(lanes: Lane[]) {
  const items = new Map<string, { label: string; color?: string; yAxis: number }>();
  for (const lane of lanes) {
    for (const [, , value] of runs(lane)) {
      const { text, color } = lane.field.display!(value);
      items.set(text, { label: text, color, yAxis: 1 });
    }
  }
  return [...items.values()];
}

export const stateTimeline = () =>
  new PanelPlugin(Lanes).useFieldConfig({ useCustomConfig: custom(timelineOptions) as never });
