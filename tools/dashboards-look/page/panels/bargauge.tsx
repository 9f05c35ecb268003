// Bars: @grafana/ui's BarGauge.
import { getDisplayValueAlignmentFactors, PanelPlugin, type PanelProps } from '@grafana/data';
import { config } from '@grafana/runtime';
import { BarGaugeDisplayMode, BarGaugeNamePlacement, BarGaugeValueMode, VizOrientation } from '@grafana/schema';
import { BarGauge, VizRepeater } from '@grafana/ui';

import { hiddenOption, reduced, type Reduced } from './stat';

interface Options extends Reduced {
  displayMode: BarGaugeDisplayMode;
  valueMode: BarGaugeValueMode;
  namePlacement: BarGaugeNamePlacement;
  showUnfilled: boolean;
  minVizWidth?: number;
  minVizHeight?: number;
  maxVizHeight?: number;
  text?: object;
}

function Bars(props: PanelProps<Options>) {
  const { options, width, height, data, renderCounter } = props;
  return (
    <div data-no-data={data.series.length === 0 ? '' : undefined}>
      <VizRepeater
        getValues={() => reduced(props, false)}
        getAlignmentFactors={getDisplayValueAlignmentFactors}
        renderValue={({ value, alignmentFactors, orientation, width, height }) => (
          <BarGauge
            value={value.display}
            display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 0)}
            field={value.field}
            width={width}
            height={height}
            orientation={orientation}
            text={options.text}
            theme={config.theme2}
            itemSpacing={8}
            lcdCellWidth={12}
            displayMode={options.displayMode}
            valueDisplayMode={options.valueMode}
            namePlacement={options.namePlacement}
            showUnfilled={options.showUnfilled}
            alignmentFactors={alignmentFactors}
          />
        )}
        width={width}
        height={height}
        minVizWidth={options.minVizWidth}
        minVizHeight={options.minVizHeight}
        maxVizHeight={options.maxVizHeight}
        source={data}
        itemSpacing={8}
        renderCounter={renderCounter}
        orientation={options.orientation || VizOrientation.Auto}
      />
    </div>
  );
}

export const barGauge = () =>
  new PanelPlugin(Bars).useFieldConfig().setPanelOptions((builder) =>
    builder
      .addCustomEditor(hiddenOption('reduceOptions', { values: false, calcs: ['lastNotNull'], fields: '' }))
      .addCustomEditor(hiddenOption('orientation', VizOrientation.Auto))
      .addCustomEditor(hiddenOption('displayMode', BarGaugeDisplayMode.Gradient))
      .addCustomEditor(hiddenOption('valueMode', BarGaugeValueMode.Color))
      .addCustomEditor(hiddenOption('namePlacement', BarGaugeNamePlacement.Auto))
      .addCustomEditor(hiddenOption('showUnfilled', true))
      .addCustomEditor(hiddenOption('minVizWidth', 8))
      .addCustomEditor(hiddenOption('minVizHeight', 16))
      .addCustomEditor(hiddenOption('maxVizHeight', 300))
  );
