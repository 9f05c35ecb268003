// The data source: Prometheus' HTTP API, which the server of the page passes on.
// Grafana's own asks through its server. Steps and $__rate_interval are computed as
// that does: https://grafana.com/docs/grafana/latest/datasources/prometheus/
import {
  DataFrameType,
  DataSourceApi,
  FieldType,
  rangeUtil,
  type AnnotationEvent,
  type AnnotationQuery,
  type DataFrame,
  type DataQueryRequest,
  type DataQueryResponse,
  type DataSourceInstanceSettings,
  type MetricFindValue,
  type ScopedVars,
  type TimeRange,
} from '@grafana/data';
import { sceneGraph, type SceneObject } from '@grafana/scenes';
import { from, of } from 'rxjs';

// Of dashboards/grafana/provisioning/datasources: the scrape interval.
const scrapeInterval = 5; // s

// Prometheus refuses a range of more points than this.
const mostPoints = 11_000;

export interface Query {
  refId: string;
  expr?: string;
  legendFormat?: string;
  format?: 'time_series' | 'table' | 'heatmap';
  instant?: boolean;
  range?: boolean;
  interval?: string;
  hide?: boolean;
}

type Sample = [number, string]; // s, value
interface Series {
  metric: Record<string, string>;
  values?: Sample[];
  value?: Sample;
}

export class Prometheus extends DataSourceApi<Query> {
  instanceSettings: DataSourceInstanceSettings;
  interval = `${scrapeInterval}s`;

  constructor() {
    const meta = { id: 'prometheus', name: 'Prometheus', type: 'datasource', metrics: true, info: { logos: {} } };
    const settings = {
      id: 1,
      uid: 'hotpath-prometheus',
      name: 'Prometheus',
      type: 'prometheus',
      access: 'proxy',
      isDefault: true,
      readOnly: true,
      jsonData: {},
      meta,
    } as unknown as DataSourceInstanceSettings;
    super(settings);
    this.instanceSettings = settings;
    this.annotations = {
      prepareAnnotation: (annotation: AnnotationQuery) => annotation,
      prepareQuery: (annotation: AnnotationQuery & Query) => ({
        refId: 'Anno',
        expr: annotation.expr,
        range: true,
        interval: annotation.step || '60s',
      }),
      processEvents: (annotation: AnnotationQuery, frames: DataFrame[]) => of(events(annotation, frames)),
    };
  }

  query(request: DataQueryRequest<Query>) {
    return from(this.run(request));
  }

  async testDatasource() {
    return { status: 'success', message: '' };
  }

  private async run(request: DataQueryRequest<Query>): Promise<DataQueryResponse> {
    const asked = request.targets.filter((q) => q.expr && !q.hide);
    const answers = await Promise.allSettled(asked.map((q) => this.ask(q, request, asked.length)));
    const data: DataFrame[] = [];
    const errors: Array<{ refId: string; message: string }> = [];
    answers.forEach((answer, i) => {
      if (answer.status === 'fulfilled') {
        data.push(...answer.value);
      } else {
        errors.push({ refId: asked[i].refId, message: String(answer.reason.message ?? answer.reason) });
      }
    });
    return { data, errors };
  }

  private async ask(q: Query, request: DataQueryRequest<Query>, queries: number): Promise<DataFrame[]> {
    const { range } = request;
    const step = stepOf(q, request);
    const query = this.expression(q.expr!, request.scopedVars, step, range);
    const seconds = (t: { valueOf(): number }) => t.valueOf() / 1000;
    const aligned = (t: { valueOf(): number }) => Math.floor(seconds(t) / step) * step;
    const result = q.instant
      ? await call<Series[]>('query', { query, time: seconds(range.to) })
      : await call<Series[]>('query_range', { query, start: aligned(range.from), end: aligned(range.to), step });
    switch (q.format) {
      case 'table':
        return [table(q, result, queries)];
      case 'heatmap':
        return heatmap(q, result, step);
      default:
        return result.map((s) => line(q, s, step));
    }
  }

  // expression replaces Grafana's own names and the dashboard's variables. Several
  // values of a variable become an alternative in a regular expression.
  private expression(expr: string, scoped: ScopedVars, step: number, range: TimeRange): string {
    const rangeSeconds = Math.round((range.to.valueOf() - range.from.valueOf()) / 1000);
    const text = expr
      .replace(/\$(__rate_interval|\{__rate_interval\})/g, `${Math.max(step + scrapeInterval, 4 * scrapeInterval)}s`)
      .replace(/\$(__interval|\{__interval\})(?!_)/g, `${step}s`)
      .replace(/\$__range_s\b/g, String(rangeSeconds))
      .replace(/\$__range\b/g, `${rangeSeconds}s`);
    const object = scoped?.__sceneObject?.value?.valueOf() as SceneObject | undefined;
    return object ? sceneGraph.interpolate(object, text, scoped, alternatives) : text;
  }

  // metricFindQuery answers label_values(METRIC, LABEL) and label_values(LABEL).
  async metricFindQuery(query: string, options?: { range?: TimeRange; scopedVars?: ScopedVars }): Promise<MetricFindValue[]> {
    const m = /^label_values\((?:(.+),)?\s*([a-zA-Z_]\w*)\s*\)$/.exec(query.trim());
    if (!m) {
      throw new Error(`a variable's query is "${query}", but this page has label_values alone`);
    }
    const values: Record<string, string | number> = {};
    const { range, scopedVars } = options ?? {};
    if (range) {
      values.start = range.from.valueOf() / 1000;
      values.end = range.to.valueOf() / 1000;
    }
    if (m[1]) {
      values['match[]'] = range ? this.expression(m[1], scopedVars ?? {}, scrapeInterval, range) : m[1];
    }
    return (await call<string[]>(`label/${m[2]}/values`, values)).map((text) => ({ text }));
  }
}

// stepOf is the distance of points in seconds: what the panel's width asks for, not
// below the scrape interval.
function stepOf(q: Query, request: DataQueryRequest<Query>): number {
  const least = q.interval ? rangeUtil.intervalToSeconds(q.interval) : scrapeInterval;
  const seconds = (request.range.to.valueOf() - request.range.from.valueOf()) / 1000;
  return Math.max(request.intervalMs / 1000, least, Math.ceil(seconds / mostPoints));
}

function alternatives(value: unknown): string {
  const escaped = (v: unknown) => String(v).replace(/[\\^$.*+?()[\]{}|]/g, '\\\\$&');
  if (!Array.isArray(value)) {
    return typeof value === 'string' ? value : String(value);
  }
  return value.length === 1 ? escaped(value[0]) : `(${value.map(escaped).join('|')})`;
}

async function call<T>(path: string, values: Record<string, string | number>): Promise<T> {
  const text = new URLSearchParams(Object.entries(values).map(([k, v]) => [k, String(v)]));
  const response = await fetch(`/prometheus/api/v1/${path}?${text}`);
  const answer = await response.json();
  if (answer.status !== 'success') {
    throw new Error(`${answer.error} (${values.query ?? path})`);
  }
  return answer.data.result ?? answer.data;
}

const number = (text: string) => (text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text));

const samples = (s: Series) => s.values ?? (s.value ? [s.value] : []);

// name is a series' legend: the format with the values of labels, or the series as
// Prometheus writes it.
function name(q: Query, s: Series): string {
  if (q.legendFormat && q.legendFormat !== '__auto') {
    return q.legendFormat.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => s.metric[label] ?? '');
  }
  const { __name__ = '', ...labels } = s.metric;
  const inner = Object.entries(labels).map(([k, v]) => `${k}="${v}"`);
  return inner.length || !__name__ ? `${__name__}{${inner.join(', ')}}` : __name__;
}

const time = (values: number[], step: number) => ({
  name: 'Time',
  type: FieldType.time,
  config: { interval: step * 1000 },
  values,
});

function line(q: Query, s: Series, step: number): DataFrame {
  const points = samples(s);
  const display = name(q, s);
  const { __name__, ...labels } = s.metric;
  return {
    refId: q.refId,
    name: display,
    meta: { type: DataFrameType.TimeSeriesMulti },
    fields: [
      time(points.map(([t]) => t * 1000), step),
      {
        name: 'Value',
        type: FieldType.number,
        config: { displayNameFromDS: display },
        labels,
        values: points.map(([, v]) => number(v)),
      },
    ],
    length: points.length,
  };
}

// heatmap has a field for each bucket, from the lowest, with what is in that bucket
// alone: Prometheus counts all up to it.
function heatmap(q: Query, result: Series[], step: number): DataFrame[] {
  const rows = result
    .filter((s) => s.metric.le !== undefined)
    .sort((a, b) => number(a.metric.le) - number(b.metric.le));
  if (rows.length === 0) {
    return [];
  }
  const times = [...new Set(rows.flatMap((s) => samples(s).map(([t]) => t)))].sort((a, b) => a - b);
  const upTo = rows.map((s) => {
    const at = new Map(samples(s).map(([t, v]) => [t, number(v)]));
    return times.map((t) => at.get(t) ?? 0);
  });
  return [
    {
      refId: q.refId,
      meta: { type: DataFrameType.HeatmapRows },
      fields: [
        time(times.map((t) => t * 1000), step),
        ...rows.map((s, i) => ({
          name: s.metric.le,
          type: FieldType.number,
          config: {},
          labels: s.metric,
          values: upTo[i].map((v, t) => Math.max(0, i > 0 ? v - upTo[i - 1][t] : v)),
        })),
      ],
      length: times.length,
    },
  ];
}

// table has a column for the time, each label and the value.
function table(q: Query, result: Series[], queries: number): DataFrame {
  const labels = [...new Set(result.flatMap((s) => Object.keys(s.metric)))].sort();
  const rows = result.flatMap((s) => samples(s).map((sample) => ({ s, sample })));
  return {
    refId: q.refId,
    fields: [
      { name: 'Time', type: FieldType.time, config: {}, values: rows.map((r) => r.sample[0] * 1000) },
      ...labels.map((label) => ({
        name: label,
        type: FieldType.string,
        config: { filterable: true },
        values: rows.map((r) => r.s.metric[label] ?? ''),
      })),
      {
        name: queries > 1 ? `Value #${q.refId}` : 'Value',
        type: FieldType.number,
        config: {},
        values: rows.map((r) => number(r.sample[1])),
      },
    ],
    length: rows.length,
  };
}

// events are the marks of an annotation: at the points of its series, or at the
// times that their values are.
function events(annotation: AnnotationQuery & { useValueForTime?: boolean | string; titleFormat?: string; textFormat?: string }, frames: DataFrame[]): AnnotationEvent[] {
  const found = new Map<string, AnnotationEvent>();
  for (const frame of frames) {
    const [times, values] = frame.fields;
    const { labels = {} } = values;
    const text = (format = '') => format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => labels[label] ?? '');
    for (let i = 0; i < frame.length; i++) {
      if (!annotation.useValueForTime && !values.values[i]) {
        continue; // of such a series, a value that is not zero is a mark
      }
      const at = Math.floor(annotation.useValueForTime ? values.values[i] : times.values[i]);
      found.set(`${at} ${text(annotation.textFormat)}`, {
        time: at,
        timeEnd: at,
        title: text(annotation.titleFormat),
        text: text(annotation.textFormat),
        color: annotation.iconColor,
        source: annotation,
      });
    }
  }
  return [...found.values()];
}
