// A dashboard's JSON as a scene of @grafana/scenes: variables, annotations, grid,
// rows and panels. Grafana's application has a transformation of its own, which is
// in no library: this is ours, and covers what dashboards/grafana has.
import { css } from '@emotion/css';
import { type AnnotationQuery, type DataTransformerConfig, type FieldConfigSource, type GrafanaTheme2 } from '@grafana/data';
import {
  behaviors,
  dataLayers,
  DataSourceVariable,
  EmbeddedScene,
  QueryVariable,
  SceneControlsSpacer,
  SceneDataLayerControls,
  SceneDataLayerSet,
  SceneDataTransformer,
  SceneGridItem,
  SceneGridLayout,
  SceneGridRow,
  SceneQueryRunner,
  SceneRefreshPicker,
  SceneTimePicker,
  SceneTimeRange,
  SceneVariableSet,
  VariableValueSelectors,
  VizPanel,
  type SceneDataLayerProvider,
  type SceneVariable,
} from '@grafana/scenes';
import { LinkButton, useStyles2 } from '@grafana/ui';

import { PanelTimeRange } from './timerange';
import { type Query } from './prometheus';

export interface Board {
  uid: string;
  title: string;
  description?: string;
  refresh?: string;
  time?: { from: string; to: string };
  timezone?: string;
  graphTooltip?: number;
  panels: Panel[];
  templating?: { list: Variable[] };
  annotations?: { list: Array<AnnotationQuery & { placement?: string; hide?: boolean }> };
  links?: Link[];
}

export type Named = Pick<Board, 'uid' | 'title'> & { tags?: string[] };

interface Panel {
  id: number;
  type: string;
  title?: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { type?: string; uid?: string };
  targets?: Query[];
  options?: object;
  fieldConfig?: FieldConfigSource;
  transformations?: DataTransformerConfig[];
  transparent?: boolean;
  interval?: string;
  maxDataPoints?: number;
  timeFrom?: string;
  collapsed?: boolean; // of a row, which then has its panels
  panels?: Panel[];
}

interface Variable {
  type: string;
  name: string;
  label?: string;
  hide?: number;
  query: string | { query: string };
  regex?: string;
  sort?: number;
  refresh?: number;
  multi?: boolean;
  includeAll?: boolean;
  allValue?: string;
  current?: { text?: string | string[]; value?: string | string[] };
  datasource?: { type?: string; uid?: string };
}

interface Link {
  type: string;
  title: string;
  url?: string;
  icon?: string;
  tags?: string[];
  placement?: string;
}

// dashboardScene is the dashboard with its own time, which ends now.
export function dashboardScene(board: Board): EmbeddedScene {
  return new EmbeddedScene({
    $timeRange: new SceneTimeRange({
      from: board.time?.from ?? 'now-1h',
      to: board.time?.to ?? 'now',
      timeZone: 'utc',
    }),
    $variables: new SceneVariableSet({ variables: (board.templating?.list ?? []).map(variable) }),
    $data: new SceneDataLayerSet({ layers: (board.annotations?.list ?? []).map(layer) }),
    $behaviors: [new behaviors.CursorSync({ sync: board.graphTooltip ?? 0 })],
    controls: [
      new VariableValueSelectors({}),
      new SceneDataLayerControls(),
      new SceneControlsSpacer(),
      new SceneTimePicker({}),
      new SceneRefreshPicker({ refresh: '', intervals: [] }), // a picture is of one moment
    ],
    body: grid(board.panels),
  });
}

function variable(v: Variable): SceneVariable {
  const common = {
    name: v.name,
    label: v.label || v.name,
    hide: v.hide,
    isMulti: v.multi,
    includeAll: v.includeAll,
    allValue: v.allValue,
    value: v.current?.value ?? '',
    text: v.current?.text ?? '',
  };
  switch (v.type) {
    case 'datasource':
      return new DataSourceVariable({ ...common, pluginId: String(v.query) });
    case 'query':
      return new QueryVariable({
        ...common,
        datasource: v.datasource,
        query: typeof v.query === 'string' ? v.query : v.query.query,
        regex: v.regex ?? '',
        sort: v.sort,
        refresh: v.refresh,
      });
    default:
      throw new Error(`the variable ${v.name} is of type ${v.type}; this page has datasource and query`);
  }
}

function layer(annotation: AnnotationQuery & { placement?: string; hide?: boolean }): SceneDataLayerProvider {
  return new dataLayers.AnnotationsDataLayer({
    name: annotation.name,
    isEnabled: Boolean(annotation.enable),
    isHidden: Boolean(annotation.hide) || inMenu(annotation),
    query: annotation,
  });
}

// inMenu: newer Grafanas put what says so into a menu, where it is not seen.
const inMenu = (of: { placement?: string }) => of.placement === 'inControlsMenu';

// grid has the panels in rows, each with those that follow it.
function grid(panels: Panel[]): SceneGridLayout {
  const children: Array<SceneGridItem | SceneGridRow> = [];
  let row: SceneGridRow | undefined;
  for (const p of panels) {
    if (p.type === 'row') {
      row = new SceneGridRow({
        key: `panel-${p.id}`,
        title: p.title,
        y: p.gridPos.y,
        isCollapsed: p.collapsed,
        children: (p.panels ?? []).map(item),
      });
      children.push(row);
    } else if (row && !row.state.isCollapsed) {
      row.setState({ children: [...row.state.children, item(p)] });
    } else {
      children.push(item(p));
    }
  }
  return new SceneGridLayout({ children, isLazy: false, isDraggable: false, isResizable: false });
}

function item(p: Panel): SceneGridItem {
  const { x, y, w, h } = p.gridPos;
  return new SceneGridItem({ key: `grid-${p.id}`, x, y, width: w, height: h, body: panel(p) });
}

function panel(p: Panel): VizPanel {
  return new VizPanel({
    key: `panel-${p.id}`,
    pluginId: p.type,
    title: p.title ?? '',
    description: p.description,
    options: p.options ?? {},
    fieldConfig: { defaults: p.fieldConfig?.defaults ?? {}, overrides: p.fieldConfig?.overrides ?? [] },
    displayMode: p.transparent ? 'transparent' : 'default',
    $timeRange: p.timeFrom ? new PanelTimeRange(p.timeFrom) : undefined,
    $data: new SceneDataTransformer({
      transformations: p.transformations ?? [],
      $data: new SceneQueryRunner({
        datasource: p.datasource,
        queries: p.targets ?? [],
        minInterval: p.interval,
        maxDataPoints: p.maxDataPoints,
        maxDataPointsFromWidth: true,
        dataLayerFilter: { panelId: p.id },
      }),
    }),
  });
}

// Dashboard is the page: a head with the title and links in the way of Grafana's, and
// the scene. Grafana's own frame, its menu and search, is not drawn.
export function Dashboard({ board, others, scene }: { board: Board; others: Named[]; scene: EmbeddedScene }) {
  const styles = useStyles2(pageStyles);
  return (
    <div className={styles.page}>
      <div className={styles.head}>
        <span className={styles.crumb}>Dashboards ›</span>
        <span>{board.title}</span>
        <span className={styles.space} />
        {(board.links ?? []).filter((l) => !inMenu(l)).map((l) => (
          <DashboardLink key={l.title} link={l} board={board} others={others} />
        ))}
      </div>
      <scene.Component model={scene} />
    </div>
  );
}

function DashboardLink({ link, board, others }: { link: Link; board: Board; others: Named[] }) {
  const shared = { size: 'sm', variant: 'secondary', fill: 'outline' } as const;
  if (link.type === 'dashboards') {
    const tagged = others.filter((o) => o.uid !== board.uid && (link.tags ?? []).every((t) => o.tags?.includes(t)));
    return (
      <>
        {tagged.map((o) => (
          <LinkButton key={o.uid} {...shared} icon="apps" href={`#${o.uid}`}>
            {o.title}
          </LinkButton>
        ))}
      </>
    );
  }
  const icons: Record<string, 'file-alt' | 'external-link-alt'> = { doc: 'file-alt' };
  return (
    <LinkButton {...shared} icon={icons[link.icon ?? ''] ?? 'external-link-alt'} href={link.url}>
      {link.title}
    </LinkButton>
  );
}

const pageStyles = (theme: GrafanaTheme2) => ({
  page: css({ minHeight: '100vh', background: theme.colors.background.canvas, display: 'flex', flexDirection: 'column', padding: theme.spacing(0, 2, 2) }),
  head: css({ display: 'flex', alignItems: 'center', gap: theme.spacing(1), height: 48, fontSize: theme.typography.h5.fontSize }),
  crumb: css({ color: theme.colors.text.secondary }),
  space: css({ flexGrow: 1 }),
});
