// The options of fields. Grafana's application registers them with their editors; a
// library that applies overrides looks them up by id. Here they have no editors.
import {
  booleanOverrideProcessor,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  FieldColorModeId,
  identityOverrideProcessor,
  numberOverrideProcessor,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  ThresholdsMode,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
  type FieldConfigEditorBuilder,
  type FieldConfigPropertyItem,
} from '@grafana/data';

const none = () => null;

function option(id: string, process: unknown, defaultValue?: unknown): FieldConfigPropertyItem {
  return {
    id,
    path: id,
    name: id,
    editor: none,
    override: none,
    process,
    defaultValue,
    shouldApply: () => true,
  } as unknown as FieldConfigPropertyItem;
}

export const standardOptions = () => [
  option('displayName', displayNameOverrideProcessor),
  option('unit', unitOverrideProcessor),
  option('min', numberOverrideProcessor),
  option('max', numberOverrideProcessor),
  option('fieldMinMax', booleanOverrideProcessor, false),
  option('decimals', numberOverrideProcessor),
  option('noValue', stringOverrideProcessor),
  option('color', identityOverrideProcessor),
  option('links', dataLinksOverrideProcessor),
  option('mappings', valueMappingsOverrideProcessor, []),
  option('filterable', booleanOverrideProcessor),
  option('thresholds', thresholdsOverrideProcessor, {
    mode: ThresholdsMode.Absolute,
    steps: [
      { value: -Infinity, color: 'green' },
      { value: 80, color: 'red' },
    ],
  }),
];

// A series has a colour of the palette, unless a panel says otherwise.
export const paletteColor = { color: { defaultValue: { mode: FieldColorModeId.PaletteClassic } } };

// custom registers a panel's own options, each with Grafana's default of it.
export function custom(options: Record<string, unknown>) {
  return (builder: FieldConfigEditorBuilder<never>) => {
    for (const [path, defaultValue] of Object.entries(options)) {
      builder.addCustomEditor(option(path, identityOverrideProcessor, defaultValue) as never);
    }
  };
}

const hidden = { tooltip: false, viz: false, legend: false };

export const graphOptions = {
  drawStyle: 'line',
  lineInterpolation: 'linear',
  lineWidth: 1,
  fillOpacity: 0,
  gradientMode: 'none',
  fillBelowTo: undefined,
  lineStyle: { fill: 'solid' },
  lineColor: undefined,
  fillColor: undefined,
  spanNulls: false,
  insertNulls: false,
  showPoints: 'auto',
  pointSize: 5,
  barAlignment: 0,
  barWidthFactor: 0.6,
  stacking: { mode: 'none', group: 'A' },
  transform: undefined,
  thresholdsStyle: { mode: 'off' },
  axisPlacement: 'auto',
  axisLabel: '',
  axisWidth: undefined,
  axisSoftMin: undefined,
  axisSoftMax: undefined,
  axisGridShow: undefined,
  axisBorderShow: false,
  axisCenteredZero: false,
  axisColorMode: 'text',
  scaleDistribution: { type: 'linear' },
  hideFrom: hidden,
};

export const timelineOptions = { lineWidth: 0, fillOpacity: 70, spanNulls: false, insertNulls: false, hideFrom: hidden };

export const tableOptions = {
  align: 'auto',
  cellOptions: { type: 'auto' },
  width: undefined,
  minWidth: undefined,
  inspect: false,
  filterable: false,
  hidden: false,
};
