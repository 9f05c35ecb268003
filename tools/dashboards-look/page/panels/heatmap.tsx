// Heat maps of a histogram's buckets. Grafana's is in no library: this one draws the
// cells itself, on @grafana/ui's axes. Colours follow the options as documented:
// https://grafana.com/docs/grafana/latest/panels-visualizations/visualizations/heatmap/
import { FieldType, formattedValueToString, getValueFormat, PanelPlugin, type DataFrame, type GrafanaTheme2, type PanelProps } from '@grafana/data';
import { AxisPlacement, ScaleDirection, ScaleOrientation } from '@grafana/schema';
import { UPlotChart, UPlotConfigBuilder, useTheme2, VizLayout } from '@grafana/ui';
import * as chromatic from 'd3-scale-chromatic';
import { useMemo } from 'react';

import { NoData } from './nodata';
import { Marks } from './marks';

interface Options {
  color: { mode: 'scheme' | 'opacity'; scheme?: string; fill?: string; scale?: 'linear' | 'exponential'; exponent?: number; steps?: number; reverse?: boolean; min?: number; max?: number };
  yAxis?: { unit?: string; decimals?: number };
  cellGap?: number;
  cellValues?: { unit?: string };
  filterValues?: { le?: number; ge?: number };
  legend?: { show: boolean };
}

function Map({ data, timeRange, timeZone, width, height, options, fieldConfig }: PanelProps<Options>) {
  const theme = useTheme2();
  const frame = data.series[0];
  const buckets = useMemo(() => frame?.fields.filter((f) => f.type === FieldType.number) ?? [], [frame]);
  const { least, most } = useMemo(() => bounds(frame, options), [frame, options]);
  const palette = useMemo(() => paletteOf(options.color, theme), [options.color, theme]);
  const config = useMemo(() => {
    const builder = new UPlotConfigBuilder(timeZone);
    builder.addScale({
      scaleKey: 'x',
      isTime: true,
      orientation: ScaleOrientation.Horizontal,
      direction: ScaleDirection.Right,
      range: () => [timeRange.from.valueOf(), timeRange.to.valueOf()],
    });
    builder.addAxis({ scaleKey: 'x', isTime: true, placement: AxisPlacement.Bottom, timeZone, theme });
    builder.addScale({
      scaleKey: 'y',
      orientation: ScaleOrientation.Vertical,
      direction: ScaleDirection.Up,
      range: () => [0, Math.max(1, buckets.length)],
    });
    // Each line of the axis is the upper bound of the bucket below it.
    const format = getValueFormat(options.yAxis?.unit ?? 'short');
    const label = (bound: string) => formattedValueToString(format(bound === '+Inf' ? Infinity : Number(bound), options.yAxis?.decimals));
    const every = (u: { bbox: { height: number } }) => Math.max(1, Math.ceil((buckets.length * 22 * devicePixelRatio) / u.bbox.height));
    const lines = (u: { bbox: { height: number } }) => buckets.map((_, i) => i + 1).filter((i) => i % every(u) === 0);
    builder.addAxis({
      scaleKey: 'y',
      placement: AxisPlacement.Left,
      theme,
      splits: (u) => lines(u),
      values: (u) => lines(u).map((i) => label(buckets[i - 1].name)),
    });
    builder.addHook('drawClear', (u) => {
      if (!frame) {
        return;
      }
      const { ctx, bbox } = u;
      const times = frame.fields[0].values;
      const step = frame.fields[0].config.interval ?? 0;
      const gap = (options.cellGap ?? 1) * devicePixelRatio;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      buckets.forEach((bucket, row) => {
        const top = u.valToPos(row + 1, 'y', true);
        const bottom = u.valToPos(row, 'y', true);
        bucket.values.forEach((v, i) => {
          if (!shown(v, options)) {
            return;
          }
          // A point at t counts what was in the step before it.
          const left = u.valToPos(times[i] - step, 'x', true);
          const right = u.valToPos(times[i], 'x', true);
          const share = most > least ? (v - least) / (most - least) : 1;
          ctx.fillStyle = palette[Math.min(palette.length - 1, Math.max(0, Math.floor(share * palette.length)))];
          ctx.fillRect(left, top, Math.max(1, right - left - gap), Math.max(1, bottom - top - gap));
        });
      });
      ctx.restore();
    });
    return builder;
  }, [frame, buckets, least, most, palette, timeRange, timeZone, theme, options]);

  if (!frame || buckets.length === 0) {
    return <NoData fieldConfig={fieldConfig} />;
  }
  const legend = options.legend?.show ? (
    <VizLayout.Legend placement="bottom">
      <Scale palette={palette} least={least} most={most} unit={options.cellValues?.unit} />
    </VizLayout.Legend>
  ) : undefined;
  return (
    <VizLayout width={width} height={height} legend={legend}>
      {(width: number, height: number) => (
        <UPlotChart config={config} data={[[timeRange.from.valueOf(), timeRange.to.valueOf()]]} width={width} height={height}>
          <Marks config={config} frames={data.annotations ?? []} />
        </UPlotChart>
      )}
    </VizLayout>
  );
}

function Scale({ palette, least, most, unit }: { palette: string[]; least: number; most: number; unit?: string }) {
  const theme = useTheme2();
  const format = getValueFormat(unit ?? 'short');
  const text = (v: number) => formattedValueToString(format(v));
  return (
    <div style={{ width: 250, padding: theme.spacing(0.5, 1), fontSize: theme.typography.bodySmall.fontSize, color: theme.colors.text.secondary }}>
      <div style={{ height: 8, background: `linear-gradient(90deg, ${palette.join(', ')})` }} />
      <div style={{ display: 'flex', justifyContent: 'space-between' }}>
        <span>{text(least)}</span>
        <span>{text(most)}</span>
      </div>
    </div>
  );
}

function shown(v: number, { filterValues = {} }: Options): boolean {
  return Number.isFinite(v) && v > (filterValues.le ?? -Infinity) && v < (filterValues.ge ?? Infinity);
}

function bounds(frame: DataFrame | undefined, options: Options) {
  let least = Infinity;
  let most = -Infinity;
  for (const field of frame?.fields ?? []) {
    if (field.type !== FieldType.number) {
      continue;
    }
    for (const v of field.values) {
      if (shown(v, options)) {
        least = Math.min(least, v);
        most = Math.max(most, v);
      }
    }
  }
  if (most < least) {
    least = most = 0;
  }
  return { least: options.color.min ?? least, most: options.color.max ?? most };
}

// Schemes that begin dark; the others begin light. Grafana turns each so that little
// is near the colour of the background.
const beginDark = new Set(['Turbo', 'Cividis', 'Viridis', 'Magma', 'Inferno', 'Plasma', 'Warm', 'Cool']);
const diverging = new Set(['BrBG', 'PiYG', 'PRGn', 'PuOr', 'RdBu', 'RdGy', 'RdYlBu', 'RdYlGn', 'Spectral', 'Rainbow', 'Sinebow']);

// paletteOf are the colours from the least value to the most.
function paletteOf(color: Options['color'], theme: GrafanaTheme2): string[] {
  const steps = Math.max(2, color.steps ?? 64);
  const shares = Array.from({ length: steps }, (_, i) => i / (steps - 1));
  if (color.mode === 'opacity') {
    const [r, g, b] = channels(theme.visualization.getColorByName(color.fill || 'dark-orange'));
    const exponent = color.scale === 'linear' ? 1 : (color.exponent ?? 0.5);
    return shares.map((share) => `rgba(${r}, ${g}, ${b}, ${share ** exponent})`);
  }
  const scheme = color.scheme ?? 'Oranges';
  const interpolate = (chromatic as unknown as Record<string, (t: number) => string>)[`interpolate${scheme}`];
  if (!interpolate) {
    throw new Error(`there is no colour scheme ${scheme}`);
  }
  const palette = shares.map(interpolate);
  const turned = diverging.has(scheme) || (beginDark.has(scheme) ? theme.isLight : theme.isDark);
  return turned || color.reverse ? palette.reverse() : palette;
}

// channels reads #rrggbb, which the theme's colours are.
function channels(hex: string): number[] {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

export const heatmap = () => new PanelPlugin(Map).useFieldConfig().setDataSupport({ annotations: true });
