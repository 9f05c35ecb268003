// What Grafana's application gives its libraries when it starts: the data source,
// how queries are run, the registries of field options and transformations. These
// are not in the npm libraries, and are ours.
import {
  EventBusSrv,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  type DataSourceApi,
  type GrafanaTheme2,
} from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import {
  config,
  setAppEvents,
  setDataSourceSrv,
  setPluginImportUtils,
  setRunRequest,
  setTemplateSrv,
} from '@grafana/runtime';
import { sceneUtils } from '@grafana/scenes';

import { standardOptions } from './fieldconfig';
import { panels } from './panels';
import { Prometheus } from './prometheus';
import { runRequest } from './run';

export async function startServices(theme: GrafanaTheme2) {
  config.theme2 = theme;
  config.theme = theme.v1;
  await initPluginTranslations('grafana-scenes', []);
  setAppEvents(new EventBusSrv());
  setRunRequest(runRequest);

  const prometheus = new Prometheus();
  const settings = prometheus.instanceSettings;
  setDataSourceSrv({
    // A dashboard has one data source, whatever variable names it.
    get: async () => prometheus as unknown as DataSourceApi,
    getList: () => [settings],
    getInstanceSettings: () => settings,
    reload: () => {},
    registerRuntimeDataSource: () => {},
  } as never);
  setTemplateSrv({
    replace: (text?: string) => text ?? '',
    getVariables: () => [],
    containsTemplate: () => false,
    updateTimeRange: () => {},
  });

  standardFieldConfigEditorRegistry.setInit(standardOptions);
  standardTransformersRegistry.setInit(() =>
    Object.entries(standardTransformers)
      .filter(([name]) => name !== 'seriesToColumnsTransformer') // another name of joinByField
      .map(([, transformation]) => ({
        id: transformation.id,
        name: transformation.name,
        description: transformation.description,
        transformation,
        editor: () => null,
        imageDark: '',
        imageLight: '',
      })) as never
  );
  setPluginImportUtils({
    getPanelPluginFromCache: () => undefined,
    importPanelPlugin: async (id: string) => {
      throw new Error(`dashboards-look draws no panel of type "${id}", but ${Object.keys(panels).join(', ')}`);
    },
  });
  for (const [pluginId, plugin] of Object.entries(panels)) {
    sceneUtils.registerRuntimePanelPlugin({ pluginId, plugin: plugin() });
  }
}
