import { type DataFrame } from '@grafana/data';
import { type UPlotConfigBuilder, useTheme2 } from '@grafana/ui';
import { useLayoutEffect, useRef } from 'react';
import type uPlot from 'uplot';

// Marks draws annotations over a graph: a dashed line at each, with a triangle below,
// as Grafana does.
export function Marks({ config, frames }: { config: UPlotConfigBuilder; frames: DataFrame[] }) {
  const theme = useTheme2();
  const shown = useRef(frames);
  const plot = useRef<uPlot | null>(null);
  useLayoutEffect(() => {
    config.addHook('draw', (u) => {
      plot.current = u;
      for (const frame of shown.current) {
        draw(u, frame, (name) => theme.visualization.getColorByName(name));
      }
    });
  }, [config, theme]);
  useLayoutEffect(() => {
    shown.current = frames;
    plot.current?.redraw(false);
  }, [frames]);
  return null;
}

function draw(u: uPlot, frame: DataFrame, colorOf: (name: string) => string) {
  const values = (name: string) => frame.fields.find((f) => f.name === name)?.values ?? [];
  const times = values('time');
  const colors = values('color');
  const { ctx, bbox } = u;
  const size = 5 * devicePixelRatio;
  ctx.save();
  ctx.setLineDash([5 * devicePixelRatio, 5 * devicePixelRatio]);
  ctx.lineWidth = 2 * devicePixelRatio;
  times.forEach((t, i) => {
    const x = u.valToPos(t, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) {
      return;
    }
    ctx.strokeStyle = ctx.fillStyle = colorOf(colors[i] ?? 'red');
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.beginPath();
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + size, bbox.top + bbox.height + size);
    ctx.lineTo(x - size, bbox.top + bbox.height + size);
    ctx.fill();
  });
  ctx.restore();
}
