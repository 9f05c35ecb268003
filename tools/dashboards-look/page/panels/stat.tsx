// Large figures: @grafana/ui's BigValue, and @grafana/data's reductions.
import { getDisplayValueAlignmentFactors, getFieldDisplayValues, PanelPlugin, type FieldDisplay, type PanelProps, type ReduceDataOptions } from '@grafana/data';
import { config } from '@grafana/runtime';
import { BigValue, BigValueColorMode, BigValueGraphMode, BigValueJustifyMode, BigValueTextMode, VizRepeater } from '@grafana/ui';
import { VizOrientation } from '@grafana/schema';

export interface Reduced {
  reduceOptions: ReduceDataOptions;
  orientation: VizOrientation;
}

interface Options extends Reduced {
  colorMode: BigValueColorMode;
  graphMode: BigValueGraphMode;
  justifyMode: BigValueJustifyMode;
  textMode: BigValueTextMode;
  wideLayout: boolean;
  text?: object;
  showPercentChange?: boolean;
}

// reduced are the values of a panel: one of each series, or a grey "No data".
export function reduced<O extends Reduced>({ data, options, fieldConfig, replaceVariables, timeZone }: PanelProps<O>, sparkline: boolean, percentChange = false): FieldDisplay[] {
  return getFieldDisplayValues({
    fieldConfig,
    reduceOptions: options.reduceOptions,
    replaceVariables,
    theme: config.theme2,
    data: data.series,
    sparkline,
    percentChange,
    timeZone,
  });
}

function Stat(props: PanelProps<Options>) {
  const { options, width, height, data, timeRange, renderCounter } = props;
  return (
    <div data-no-data={data.series.length === 0 ? '' : undefined}>
      <VizRepeater
        getValues={() => reduced(props, options.graphMode !== BigValueGraphMode.None, options.showPercentChange)}
        getAlignmentFactors={getDisplayValueAlignmentFactors}
        renderValue={({ value, alignmentFactors, width, height, count }) => (
          <BigValue
            value={value.display}
            count={count}
            sparkline={value.sparkline && { ...value.sparkline, timeRange }}
            colorMode={options.colorMode}
            graphMode={options.graphMode}
            justifyMode={options.justifyMode}
            textMode={options.textMode}
            alignmentFactors={alignmentFactors}
            text={options.text}
            width={width}
            height={height}
            theme={config.theme2}
            disableWideLayout={!options.wideLayout}
          />
        )}
        width={width}
        height={height}
        source={data}
        itemSpacing={3}
        renderCounter={renderCounter}
        autoGrid={true}
        orientation={options.orientation || VizOrientation.Auto}
      />
    </div>
  );
}

export const stat = () =>
  new PanelPlugin(Stat).useFieldConfig().setPanelOptions((builder) =>
    builder
      .addCustomEditor(hiddenOption('reduceOptions', { values: false, calcs: ['lastNotNull'], fields: '' }))
      .addCustomEditor(hiddenOption('orientation', VizOrientation.Auto))
      .addCustomEditor(hiddenOption('textMode', BigValueTextMode.Auto))
      .addCustomEditor(hiddenOption('wideLayout', true))
      .addCustomEditor(hiddenOption('colorMode', BigValueColorMode.Value))
      .addCustomEditor(hiddenOption('graphMode', BigValueGraphMode.Area))
      .addCustomEditor(hiddenOption('justifyMode', BigValueJustifyMode.Auto))
  );

// hiddenOption is an option of a panel that has a default and no editor.
export function hiddenOption(path: string, defaultValue: unknown) {
  return { id: path, path, name: path, editor: () => null, defaultValue } as never;
}
