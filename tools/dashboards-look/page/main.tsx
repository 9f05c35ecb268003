// The page: one dashboard at one moment, in one theme.
//
//	/?board=overview&theme=dark&now=MS    Unix time in milliseconds
//
// window.look() says what was drawn, in the form of facts.ts.
import { createTheme, ThemeContext } from '@grafana/data';
import { LocationServiceProvider, locationService } from '@grafana/runtime';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import { createRoot } from 'react-dom/client';
import { Router } from 'react-router-dom';

import { Dashboard, dashboardScene, type Board, type Named } from './dashboard';
import { facts } from './facts';
import { startServices } from './services';

async function json<T>(path: string): Promise<T> {
  const response = await fetch(path);
  if (!response.ok) {
    throw new Error(`${path}: ${response.status} ${await response.text()}`);
  }
  return response.json();
}

// startClock makes now the moment that is drawn. The clock goes on: scripts wait by it.
function startClock(now: number) {
  const real = Date.now.bind(Date);
  const ahead = now - real();
  Date.now = () => real() + ahead;
}

async function main() {
  const asked = new URLSearchParams(window.location.search);
  startClock(Number(asked.get('now')));
  const theme = createTheme({ colors: { mode: asked.get('theme') === 'light' ? 'light' : 'dark' } });
  await startServices(theme);
  const [board, others] = await Promise.all([
    json<Board>(`/boards/${asked.get('board')}.json`),
    json<Named[]>('/boards.json'),
  ]);
  const scene = dashboardScene(board);
  window.look = () => facts(scene);
  createRoot(document.getElementById('root')!).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles isExtensionSidebarOpen={false} />
      <LocationServiceProvider service={locationService}>
        <Router navigator={locationService.getHistory()} location={locationService.getLocation()}>
          <Dashboard board={board} others={others} scene={scene} />
        </Router>
      </LocationServiceProvider>
      <PortalContainer />
    </ThemeContext.Provider>
  );
}

main().catch((err) => {
  document.body.textContent = String(err.stack ?? err);
  window.look = () => ({ settled: true, error: String(err), height: 0, panels: [] });
});
