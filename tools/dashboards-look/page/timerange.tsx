// The time of a panel that looks further back than the dashboard: timeFrom in its
// JSON. Grafana's application has the like.
import { css } from '@emotion/css';
import { dateTime, rangeUtil, type GrafanaTheme2, type TimeRange } from '@grafana/data';
import { sceneGraph, SceneTimeRange, type SceneComponentProps } from '@grafana/scenes';
import { Icon, useStyles2 } from '@grafana/ui';

export class PanelTimeRange extends SceneTimeRange {
  static Component = ({ model }: SceneComponentProps<PanelTimeRange>) => {
    const styles = useStyles2(infoStyles);
    return (
      <div className={styles}>
        <Icon name="clock-nine" size="sm" /> {rangeUtil.describeTextRange(`now-${model.back}`).display}
      </div>
    );
  };

  constructor(public back: string) {
    super({});
    this.addActivationHandler(() => this.follow());
  }

  private follow() {
    const parent = sceneGraph.getTimeRange(this.parent!.parent!);
    const set = (value: TimeRange) => {
      const to = dateTime(value.to);
      const from = dateTime(to).subtract(rangeUtil.intervalToSeconds(this.back), 'seconds');
      this.setState({
        from: from.toISOString(),
        to: to.toISOString(),
        timeZone: parent.state.timeZone,
        value: { from, to, raw: { from, to } },
      });
    };
    set(parent.state.value);
    const subscription = parent.subscribeToState((state) => set(state.value));
    return () => subscription.unsubscribe();
  }
}

const infoStyles = (theme: GrafanaTheme2) =>
  css({ alignSelf: 'center', color: theme.colors.text.link, fontSize: theme.typography.bodySmall.fontSize, padding: theme.spacing(0, 1), whiteSpace: 'nowrap' });
