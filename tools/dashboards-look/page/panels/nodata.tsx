import { css } from '@emotion/css';
import { type FieldConfigSource, type GrafanaTheme2 } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';

// NoData stands in a panel without a value. facts.ts finds it by its attribute.
export function NoData({ fieldConfig }: { fieldConfig: FieldConfigSource }) {
  return (
    <div className={useStyles2(styles)} data-no-data>
      {fieldConfig.defaults.noValue || 'No data'}
    </div>
  );
}

const styles = (theme: GrafanaTheme2) =>
  css({ display: 'flex', alignItems: 'center', justifyContent: 'center', height: '100%', color: theme.colors.text.secondary, fontSize: theme.typography.h5.fontSize });
