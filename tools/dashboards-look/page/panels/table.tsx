// Tables: @grafana/ui's Table, that of Grafana until 12.1. The newer one needs a fork
// of react-data-grid that is in no registry.
import { PanelPlugin, type PanelProps } from '@grafana/data';
import { TableCellHeight, type TableSortByFieldState } from '@grafana/schema';
import { Table } from '@grafana/ui';

import { custom, tableOptions } from '../fieldconfig';
import { NoData } from './nodata';
import { hiddenOption } from './stat';

interface Options {
  frameIndex: number;
  showHeader: boolean;
  sortBy?: TableSortByFieldState[];
  cellHeight?: TableCellHeight;
}

function Rows({ data, options, fieldConfig, width, height, timeRange }: PanelProps<Options>) {
  const frame = data.series[options.frameIndex] ?? data.series[0];
  if (!frame || frame.length === 0) {
    return <NoData fieldConfig={fieldConfig} />;
  }
  return (
    <Table
      data={frame}
      width={width}
      height={height}
      noHeader={!options.showHeader}
      initialSortBy={options.sortBy}
      cellHeight={options.cellHeight}
      fieldConfig={fieldConfig}
      timeRange={timeRange}
      resizable={true}
    />
  );
}

export const table = () =>
  new PanelPlugin(Rows)
    .useFieldConfig({ useCustomConfig: custom(tableOptions) as never })
    .setPanelOptions((builder) =>
      builder
        .addCustomEditor(hiddenOption('frameIndex', 0))
        .addCustomEditor(hiddenOption('showHeader', true))
        .addCustomEditor(hiddenOption('cellHeight', TableCellHeight.Sm))
    );
