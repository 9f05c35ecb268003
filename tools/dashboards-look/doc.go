// Command dashboards-look draws the dashboards in dashboards/grafana with Grafana's
// own libraries, so that they can be looked at, and checked, without a Grafana:
//
//	go run ./tools/dashboards-look -o DIR                    pictures of all of them
//	go run ./tools/dashboards-look -check -boards overview   what .ci/run does
//	go run ./tools/dashboards-look -keep                     for a browser of your own
//
// It runs at the repository's root, and needs node, npm and its registry, chromium,
// prometheus and promtool. What is installed stays in the user's cache, some 700 MiB,
// for as long as package-lock.json is the same; nothing of it is shipped.
//
// A picture is the first screen at 1440×900, or the whole page, of a dashboard at
// a moment of the scripted hour, dark or light:
//
//	DIR/BOARD-MOMENT-THEME.png
//	DIR/BOARD-MOMENT-THEME-full.png
//
// # What is Grafana's, and what is ours
//
// Of the npm libraries @grafana/scenes, ui, data, runtime and schema 12.2: grid, rows,
// panels' frames, variables and their menus, the time picker, annotations' switches;
// thresholds, units, mappings, overrides, reductions, transformations; in panels the
// graph with its axes, stacking and legend (TimeSeries), large figures with sparklines
// (BigValue), bars (BarGauge), tables (Table); colours, icons and type.
//
// Grafana's panels themselves are a part of its application and in no library, and so
// are its data source for Prometheus, the reading of a dashboard's JSON and the frame
// around a page. Those in page/ are ours, and as small as these dashboards allow. The
// graph is the copy that @grafana/ui has kept of the application's; the table is the
// one that was Grafana's until 12.1, for the newer one needs a fork that is in no
// registry. Heat maps and state timelines draw their cells themselves, on Grafana's
// axes. Of what is drawn, these can differ from a Grafana of the same version by
// pixels; a panel's tooltip, menu and links are not there.
//
// # The way of a run
//
//	main.go         flags, and the steps in their order
//	libraries.go    npm ci into the cache, and esbuild
//	source.go       the scripted hour as a Prometheus
//	boards.go       the dashboards
//	serve.go        page, dashboards and Prometheus at one address
//	browser.go      headless Chromium
//	draw.go         each dashboard at each moment: pictures and findings
//	look.go         what the page says of itself, and what is wrong with it
//	page/           the page: main.tsx is where it begins
package main
